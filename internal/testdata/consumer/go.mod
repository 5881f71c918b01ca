module example.com/acme

go 1.26.0

require github.com/cpaas-go/cpaas v0.0.0

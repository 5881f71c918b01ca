package phone

import (
	"fmt"
	"strings"
	"testing"
)

// codes is the ITU's list with whom each code is for, written down apart from
// the one in phone.go.
var codes = map[string]string{
	"1":  "North American Numbering Plan",
	"7":  "Russian Federation, Kazakhstan",
	"20": "Egypt", "27": "South Africa",
	"30": "Greece", "31": "Netherlands", "32": "Belgium", "33": "France", "34": "Spain", "36": "Hungary", "39": "Italy",
	"40": "Romania", "41": "Switzerland", "43": "Austria", "44": "United Kingdom", "45": "Denmark", "46": "Sweden",
	"47": "Norway", "48": "Poland", "49": "Germany",
	"51": "Peru", "52": "Mexico", "53": "Cuba", "54": "Argentina", "55": "Brazil", "56": "Chile", "57": "Colombia",
	"58": "Venezuela",
	"60": "Malaysia", "61": "Australia", "62": "Indonesia", "63": "Philippines", "64": "New Zealand", "65": "Singapore",
	"66": "Thailand",
	"81": "Japan", "82": "Korea (Rep.)", "84": "Viet Nam", "86": "China",
	"90": "Türkiye", "91": "India", "92": "Pakistan", "93": "Afghanistan", "94": "Sri Lanka", "95": "Myanmar", "98": "Iran",
	"211": "South Sudan", "212": "Morocco", "213": "Algeria", "216": "Tunisia", "218": "Libya",
	"220": "Gambia", "221": "Senegal", "222": "Mauritania", "223": "Mali", "224": "Guinea", "225": "Côte d'Ivoire",
	"226": "Burkina Faso", "227": "Niger", "228": "Togo", "229": "Benin",
	"230": "Mauritius", "231": "Liberia", "232": "Sierra Leone", "233": "Ghana", "234": "Nigeria", "235": "Chad",
	"236": "Central African Rep.", "237": "Cameroon", "238": "Cabo Verde", "239": "Sao Tome and Principe",
	"240": "Equatorial Guinea", "241": "Gabon", "242": "Congo", "243": "Dem. Rep. of the Congo", "244": "Angola",
	"245": "Guinea-Bissau", "246": "Diego Garcia", "247": "Ascension", "248": "Seychelles", "249": "Sudan",
	"250": "Rwanda", "251": "Ethiopia", "252": "Somalia", "253": "Djibouti", "254": "Kenya", "255": "Tanzania",
	"256": "Uganda", "257": "Burundi", "258": "Mozambique",
	"260": "Zambia", "261": "Madagascar", "262": "French departments of the Indian Ocean", "263": "Zimbabwe",
	"264": "Namibia", "265": "Malawi", "266": "Lesotho", "267": "Botswana", "268": "Eswatini", "269": "Comoros",
	"290": "Saint Helena and Tristan da Cunha", "291": "Eritrea", "297": "Aruba", "298": "Faroe Islands", "299": "Greenland",
	"350": "Gibraltar", "351": "Portugal", "352": "Luxembourg", "353": "Ireland", "354": "Iceland", "355": "Albania",
	"356": "Malta", "357": "Cyprus", "358": "Finland", "359": "Bulgaria",
	"370": "Lithuania", "371": "Latvia", "372": "Estonia", "373": "Moldova", "374": "Armenia", "375": "Belarus",
	"376": "Andorra", "377": "Monaco", "378": "San Marino", "379": "Vatican City State",
	"380": "Ukraine", "381": "Serbia", "382": "Montenegro", "383": "Kosovo", "385": "Croatia", "386": "Slovenia",
	"387": "Bosnia and Herzegovina", "388": "group of countries, shared code", "389": "North Macedonia",
	"420": "Czech Rep.", "421": "Slovakia", "423": "Liechtenstein",
	"500": "Falkland Islands (Malvinas)", "501": "Belize", "502": "Guatemala", "503": "El Salvador", "504": "Honduras",
	"505": "Nicaragua", "506": "Costa Rica", "507": "Panama", "508": "Saint Pierre and Miquelon", "509": "Haiti",
	"590": "Guadeloupe", "591": "Bolivia", "592": "Guyana", "593": "Ecuador", "594": "French Guiana", "595": "Paraguay",
	"596": "Martinique", "597": "Suriname", "598": "Uruguay", "599": "Bonaire, Curaçao and others",
	"670": "Timor-Leste", "672": "Australian external territories", "673": "Brunei Darussalam", "674": "Nauru",
	"675": "Papua New Guinea", "676": "Tonga", "677": "Solomon Islands", "678": "Vanuatu", "679": "Fiji",
	"680": "Palau", "681": "Wallis and Futuna", "682": "Cook Islands", "683": "Niue", "685": "Samoa", "686": "Kiribati",
	"687": "New Caledonia", "688": "Tuvalu", "689": "French Polynesia",
	"690": "Tokelau", "691": "Micronesia", "692": "Marshall Islands",
	"800": "international freephone", "808": "international shared cost",
	"850": "Dem. People's Rep. of Korea", "852": "Hong Kong, China", "853": "Macao, China", "855": "Cambodia", "856": "Lao P.D.R.",
	"870": "Inmarsat", "878": "universal personal telecommunication", "880": "Bangladesh", "881": "global mobile satellite systems",
	"882": "international networks", "883": "international networks", "886": "Taiwan, China", "888": "disaster relief",
	"960": "Maldives", "961": "Lebanon", "962": "Jordan", "963": "Syria", "964": "Iraq", "965": "Kuwait", "966": "Saudi Arabia",
	"967": "Yemen", "968": "Oman",
	"970": "Palestine (reserved for it)", "971": "United Arab Emirates", "972": "Israel", "973": "Bahrain", "974": "Qatar",
	"975": "Bhutan", "976": "Mongolia", "977": "Nepal", "979": "international premium rate",
	"991": "public correspondence, trial", "992": "Tajikistan", "993": "Turkmenistan", "994": "Azerbaijan", "995": "Georgia",
	"996": "Kyrgyzstan", "998": "Uzbekistan",
}

// TestSplitWholeList tries every beginning of a number, 000 to 999.
func TestSplitWholeList(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 1000 {
		first := fmt.Sprintf("%03d", i)
		want := ""
		for n := 1; n <= 3; n++ {
			if codes[first[:n]] == "" {
				continue
			}
			if want != "" {
				t.Fatalf("code %s begins with code %s", first[:n], want)
			}
			want = first[:n]
			seen[want] = true
		}
		number := first + "12345678"
		for _, plus := range []string{"", "+"} {
			code, national, ok := Split(plus + number)
			if code != want || ok != (want != "") {
				t.Errorf("Split(%s%s) = %q, %v; want %q (%s)", plus, number, code, ok, want, codes[want])
			}
			if ok && code+national != number {
				t.Errorf("Split(%s%s) = %q + %q", plus, number, code, national)
			}
		}
	}
	if len(seen) != len(codes) || len(assigned) != len(codes) {
		t.Errorf("%d codes seen, %d in phone.go, want %d", len(seen), len(assigned), len(codes))
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, code, national string }{
		{"+919812345600", "91", "9812345600"},
		{"919812345600", "91", "9812345600"},
		{"+15551234567", "1", "5551234567"},
		{"+12425551234", "1", "2425551234"}, // the Bahamas: the code is 1
		{"+77011234567", "7", "7011234567"},
		{"+390612345678", "39", "0612345678"}, // Italy keeps its zero
		{"+447712345678", "44", "7712345678"},
		{"+3581", "358", "1"},
		{"+123456789012345", "1", "23456789012345"},
		{"+1234567890123456", "", ""}, // 16 digits
		{"+358", "", ""},              // no national number
		{"+1", "", ""},
		{"", "", ""},
		{"+", "", ""},
		{"++15551234567", "", ""},
		{"+1 5551234567", "", ""},
		{"+1٥551234567", "", ""},
		{"0919812345600", "", ""},
	} {
		code, national, ok := Split(test.in)
		if code != test.code || national != test.national || ok != (test.code != "") {
			t.Errorf("Split(%q) = %q, %q, %v", test.in, code, national, ok)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, code, national string }{
		{"+919812345600", "91", "9812345600"},
		{"+1555123", "1", "555123"},
		{"9812345600", "", ""}, // national: Split takes it for Iran's
		{"919812345600", "", ""},
		{"+155512", "", ""}, // 6 digits
		{"+10", "", ""},
		{"+123", "", ""},
		{"+2101234567", "", ""},
		{"+1555 1234", "", ""},
		{"+", "", ""},
		{"", "", ""},
	} {
		code, national, ok := Parse(test.in)
		if code != test.code || national != test.national || ok != (test.code != "") {
			t.Errorf("Parse(%q) = %q, %q, %v", test.in, code, national, ok)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("+919812345600")
	f.Add("")
	f.Add("+210123")
	f.Fuzz(func(t *testing.T, s string) {
		code, national, ok := Split(s)
		if ok && (code+national != strings.TrimPrefix(s, "+") || national == "" || codes[code] == "") || !ok && code+national != "" {
			t.Errorf("Split(%q) = %q, %q, %v", s, code, national, ok)
		}
		whole := ok && s[0] == '+' && len(s) > MinDigits
		if _, _, ok = Parse(s); ok != whole {
			t.Errorf("Parse(%q) is %v", s, ok)
		}
	})
}

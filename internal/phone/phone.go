// Package phone takes international phone numbers apart.
package phone

import "strings"

// MaxDigits is how many digits an E.164 number has at most, country code
// included.
const MaxDigits = 15

// MinDigits is how many digits the shortest number has that [Parse] takes,
// country code included. E.164 itself sets no such limit.
const MinDigits = 7

// Parse is Split for a number as the ITU has it written, with its "+", that
// has at least [MinDigits] digits. Without the "+" a national number would be
// taken for that of another country.
func Parse(e164 string) (code, national string, ok bool) {
	if !strings.HasPrefix(e164, "+") || len(e164) <= MinDigits {
		return "", "", false
	}
	return Split(e164)
}

// Split takes an E.164 number, with or without its "+", apart into country
// code and national number, both digits only. ok is false when it begins with
// no code of the ITU's list, or is no E.164 number at all.
//
// The list is the annex "List of ITU-T Recommendation E.164 assigned country
// codes" of the ITU Operational Bulletin, https://www.itu.int/pub/T-SP-E.164D,
// as of 15 December 2016: compared with two transcriptions of it and with the
// codes of libphonenumber, which has none that is not here. Codes that it
// calls spare or reserved without naming anybody are not codes; 388, 878, 888
// and 991 may have been withdrawn since, and are left: one too many only
// leaves the refusal to the vendor.
func Split(e164 string) (code, national string, ok bool) {
	s := strings.TrimPrefix(e164, "+")
	if len(s) > MaxDigits || strings.Trim(s, "0123456789") != "" {
		return "", "", false
	}
	for n := 1; n <= 3 && n < len(s); n++ {
		if assigned[s[:n]] {
			return s[:n], s[n:], true
		}
	}
	return "", "", false
}

// assigned holds every code. No code is the beginning of another, so the
// first that fits is the one.
var assigned = func() map[string]bool {
	codes := make(map[string]bool, 256)
	for code := range strings.FieldsSeq(list) {
		codes[code] = true
	}
	return codes
}()

const list = `
1
20 211 212 213 216 218
220 221 222 223 224 225 226 227 228 229
230 231 232 233 234 235 236 237 238 239
240 241 242 243 244 245 246 247 248 249
250 251 252 253 254 255 256 257 258
260 261 262 263 264 265 266 267 268 269
27 290 291 297 298 299
30 31 32 33 34
350 351 352 353 354 355 356 357 358 359
36 370 371 372 373 374 375 376 377 378 379
380 381 382 383 385 386 387 388 389
39
40 41 420 421 423 43 44 45 46 47 48 49
500 501 502 503 504 505 506 507 508 509
51 52 53 54 55 56 57 58
590 591 592 593 594 595 596 597 598 599
60 61 62 63 64 65 66
670 672 673 674 675 676 677 678 679
680 681 682 683 685 686 687 688 689
690 691 692
7
800 808 81 82 84
850 852 853 855 856 86
870 878 880 881 882 883 886 888
90 91 92 93 94 95
960 961 962 963 964 965 966 967 968
970 971 972 973 974 975 976 977 979
98 991 992 993 994 995 996 998
`

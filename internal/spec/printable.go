package spec

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Printable makes a hostile file name fit for JSON and terminals: what is not printable UTF-8 is percent-encoded.
func Printable(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && size <= 1 || r < ' ' || r == 0x7f || r == '%' {
			fmt.Fprintf(&out, "%%%02X", name[i])
			i++
			continue
		}
		out.WriteString(name[i : i+size])
		i += size
	}
	return out.String()
}

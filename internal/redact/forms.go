package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// minLine is how long a line of a secret of several lines must be to be looked for by itself.
const minLine = 16

// forms are the ways in which programs print a value, each at least MinLength long: as it is, as a JSON string (also one
// inside another), as Python's repr shows it, in a URL, in hex, in base64 wherever it stands in what is encoded; and the lines of
// a key by themselves.
func forms(text string) []string {
	all := []string{text}
	for _, escaped := range jsonForms(text) {
		all = append(all, escaped, jsonString(escaped, false))
	}
	for _, escaped := range urlForms(text) {
		all = append(all, escaped, lowerEscapes(escaped))
	}
	slashes := strings.ReplaceAll(text, `\`, `\\`) // Python's repr
	all = append(all, slashes, strings.ReplaceAll(slashes, "'", `\'`))
	digits := hex.EncodeToString([]byte(text))
	all = append(all, digits, strings.ToUpper(digits))
	all = append(all, base64Forms(text)...)
	all = append(all, keyLines(text)...)
	all = slices.DeleteFunc(all, func(form string) bool { return len(form) < MinLength })
	slices.Sort(all)
	return slices.Compact(all)
}

func jsonForms(text string) []string {
	return []string{jsonString(text, false), jsonString(text, true), asciiJSON(text), strings.ReplaceAll(jsonString(text, false), "/", `\/`)}
}

// jsonString is the text inside the quotes of a JSON string.
func jsonString(text string, html bool) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(html)
	if encoder.Encode(text) != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(out.String(), "\n"), `"`), `"`)
}

// asciiJSON escapes every letter past ASCII too, as Python's json does.
func asciiJSON(text string) string {
	var out strings.Builder
	for _, c := range jsonString(text, false) {
		if c < 0x80 {
			out.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}

// urlForms are how languages escape a text in a URL: Go twice, Python's quote without and with a slash, and JavaScript's
// encodeURIComponent. They differ in what they leave as it is.
func urlForms(text string) []string {
	strict := strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	script := strict
	for _, c := range "!'()*" {
		script = strings.ReplaceAll(script, fmt.Sprintf("%%%02X", c), string(c))
	}
	return []string{url.QueryEscape(text), url.PathEscape(text), strict, strings.ReplaceAll(strict, "%2F", "/"), script}
}

// lowerEscapes turns %2F into %2f.
func lowerEscapes(escaped string) string {
	parts := strings.Split(escaped, "%")
	for i, part := range parts[1:] {
		parts[i+1] = strings.ToLower(part[:2]) + part[2:]
	}
	return strings.Join(parts, "%")
}

// base64Forms are the letters that a value makes whatever stands before and after it in what is encoded, for each of the
// three places that its first byte can have in a group of three.
func base64Forms(text string) []string {
	var all []string
	for shift := range 3 {
		from := (8*shift + 5) / 6 // the first letter that is all the value's
		upTo := 8 * (shift + len(text)) / 6
		padded := append(make([]byte, shift), text...)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, encoding.EncodeToString(padded)[from:upTo])
		}
	}
	return all
}

// keyLines are the lines of a value that look like a piece of a key: one of base64 without a blank.
func keyLines(text string) []string {
	if !strings.Contains(text, "\n") {
		return nil
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if len(line) >= minLine && strings.IndexFunc(line, func(c rune) bool { return c >= 0x80 || !base64Letters[byte(c)] }) < 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

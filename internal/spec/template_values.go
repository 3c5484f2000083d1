package spec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// templateFuncs are what a template may call beside text/template's own.
var templateFuncs = template.FuncMap{
	"shquote": shquote,
	"json":    toJSON,
	"b64":     func(v any) string { return base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(v))) },
}

// shquote makes one word of a POSIX shell of any value.
func shquote(v any) string {
	return "'" + strings.ReplaceAll(fmt.Sprint(v), "'", `'\''`) + "'"
}

func toJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// boundedBuffer stops a template that multiplies its input.
type boundedBuffer struct{ bytes.Buffer }

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxSpecBytes {
		return 0, errRenderedTooLarge
	}
	return b.Buffer.Write(p)
}

// object and array are JSON values that print as JSON, not in Go's syntax.
type (
	object map[string]any
	array  []any
)

func (o object) String() string { return mustJSON(map[string]any(o)) }
func (a array) String() string  { return mustJSON([]any(a)) }

func mustJSON(v any) string {
	text, err := toJSON(v)
	if err != nil {
		return err.Error()
	}
	return text
}

func printable(fields map[string]any) map[string]any {
	out := make(map[string]any, len(fields))
	for name, value := range fields {
		out[name] = printableValue(value)
	}
	return out
}

func printableValue(v any) any {
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any:
		return object(printable(v))
	case []any:
		out := make(array, len(v))
		for i := range v {
			out[i] = printableValue(v[i])
		}
		return out
	case json.Number:
		return fieldNumber(v)
	}
	return v
}

// fieldNumber is one that templates can compare and format, where it then prints as it stands in the row; else its text.
func fieldNumber(text json.Number) any {
	if whole, err := strconv.Atoi(text.String()); err == nil && strconv.Itoa(whole) == text.String() {
		return whole
	}
	real, err := text.Float64()
	switch {
	case err != nil:
		return text
	case fmt.Sprint(real) == text.String():
		return real
	case wholeFloat(real).String() == text.String():
		return wholeFloat(real)
	}
	return text
}

// wholeFloat prints as 1.0, as programs write floats that are whole.
type wholeFloat float64

func (f wholeFloat) String() string { return strconv.FormatFloat(float64(f), 'f', 1, 64) }

// MarshalJSON writes what String does.
func (f wholeFloat) MarshalJSON() ([]byte, error) { return []byte(f.String()), nil }

// walkTexts replaces every string inside v (map keys excepted) by what replace returns for it.
func walkTexts(v reflect.Value, path string, replace func(path, text string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(replace(path, v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			walkTexts(v.Elem(), path, replace)
		}
	case reflect.Struct:
		for i, name := range fieldNames(v.Type()) {
			walkTexts(v.Field(i), join(path, name), replace)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkTexts(v.Index(i), index(path, i), replace)
		}
	case reflect.Map:
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int {
			return strings.Compare(a.String(), b.String())
		}) {
			text := replace(join(path, key.String()), v.MapIndex(key).String())
			v.SetMapIndex(key, reflect.ValueOf(text).Convert(v.Type().Elem()))
		}
	default: // numbers and booleans hold no text
	}
}

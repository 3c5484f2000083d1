package spec

import (
	"encoding"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Numbers are decimal and mean what they look like: no octal 010, no hex, no 1_000, no .inf.
var (
	integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	number  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

// assigner copies a tree into typed values and notes every mismatch. lines remembers where each path stands.
type assigner struct {
	problems
	literal bool
	lines   map[string]int
}

func (a *assigner) assign(v reflect.Value, t *tree, path string) {
	a.lines[path] = t.line
	if t.kind == kindNull {
		return // null means unset, as in encoding/json
	}
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		a.text(text, t, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		a.assign(v.Elem(), t, path)
	case reflect.Struct:
		a.fields(v, t, path)
	case reflect.Map:
		a.entries(v, t, path)
	case reflect.Slice:
		a.list(v, t, path)
	default:
		a.scalar(v, t, path)
	}
}

func (a *assigner) text(v encoding.TextUnmarshaler, t *tree, path string) {
	if t.kind != kindScalar {
		a.add(path, t.line, "is %s: want a text such as \"90s\"", t.kind)
		return
	}
	if err := v.UnmarshalText([]byte(t.text)); err != nil {
		a.add(path, t.line, "%v", err)
	}
}

func (a *assigner) fields(v reflect.Value, t *tree, path string) {
	if t.kind != kindMap {
		a.add(path, t.line, "is %s: want an object with the fields %s", t.kind, strings.Join(fieldNames(v.Type()), ", "))
		return
	}
	seen := map[string]bool{}
	for i, key := range t.keys {
		name := a.key(key, path, seen)
		at := slices.Index(fieldNames(v.Type()), name)
		switch {
		case name == "":
		case at < 0:
			a.add(join(path, name), key.line, "unknown field %q: the fields here are %s", clip(name), strings.Join(fieldNames(v.Type()), ", "))
		default:
			a.assign(v.Field(at), t.items[i], join(path, name))
		}
	}
}

// key returns a map key's text, or "" when it was refused.
func (a *assigner) key(key *tree, path string, seen map[string]bool) string {
	switch {
	case key.kind != kindScalar || key.text == "":
		a.add(path, key.line, "a key must be a non-empty text")
		return ""
	case seen[key.text]:
		a.add(join(path, key.text), key.line, "given twice: keep one")
		return ""
	}
	seen[key.text] = true
	return key.text
}

func (a *assigner) entries(v reflect.Value, t *tree, path string) {
	if t.kind != kindMap {
		a.add(path, t.line, "is %s: want an object of names and values", t.kind)
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(t.keys)))
	}
	seen := map[string]bool{}
	for i, key := range t.keys {
		name := a.key(key, path, seen)
		if name == "" {
			continue
		}
		if t.items[i].kind == kindNull {
			a.add(join(path, name), key.line, `has no value: write "" for an empty one`)
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		a.assign(item, t.items[i], join(path, name))
		v.SetMapIndex(reflect.ValueOf(name), item)
	}
}

func (a *assigner) list(v reflect.Value, t *tree, path string) {
	if t.kind != kindList {
		a.add(path, t.line, "is %s: want a list", t.kind)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(t.items), len(t.items)))
	for i, item := range t.items {
		if item.kind == kindNull {
			a.add(index(path, i), item.line, "has no value: remove it")
			continue
		}
		a.assign(v.Index(i), item, index(path, i))
	}
}

func (a *assigner) scalar(v reflect.Value, t *tree, path string) {
	var want string
	ok := t.kind == kindScalar
	switch v.Kind() {
	case reflect.String:
		want, ok = "a text in quotes", ok && (t.isString || a.literal)
		if t.kind == kindMap {
			want += " (a template begins with {{, which YAML reads as an object)"
		}
		v.SetString(t.text)
	case reflect.Bool:
		want, ok = "true or false, without quotes", ok && !t.isString && (t.text == "true" || t.text == "false")
		v.SetBool(t.text == "true")
	case reflect.Int, reflect.Int64:
		want, ok = "a whole decimal number, without quotes or leading zeros", ok && !t.isString && integer.MatchString(t.text)
		n, err := strconv.ParseInt(t.text, 10, v.Type().Bits())
		ok = ok && err == nil
		v.SetInt(n)
	case reflect.Float32, reflect.Float64:
		want, ok = "a decimal number, without quotes", ok && !t.isString && number.MatchString(t.text)
		f, err := strconv.ParseFloat(t.text, v.Type().Bits())
		ok = ok && err == nil
		v.SetFloat(f)
	default:
		want, ok = "nothing: this is a field of a kind that no input has", false
	}
	if !ok {
		v.SetZero()
		a.add(path, t.line, "%s is not usable here: want %s", t.describe(), want)
	}
}

// describe is the value for a message: a scalar's text, else what it is.
func (t *tree) describe() string {
	if t.kind == kindScalar {
		return strconv.Quote(clip(t.text))
	}
	return t.kind.String()
}

func (k kind) String() string {
	return [...]string{"nothing", "a single value", "an object", "a list"}[k]
}

// fieldNames are the JSON names of a struct's fields, by their index.
func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

package spec

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// segment is one part of a path: a name, and any number of [index] after it.
var segment = regexp.MustCompile(`^([^.\[\]]+)((?:\[[0-9]{1,6}\])*)$`)

// Set returns an edit that puts a value at a path such as eval.job.steps[0].time_limit or sandbox.env.DEBUG: what
// --set key=value means. A text field takes the value as it is; any other reads it as YAML (true, 3, [1, 5]).
// A list's index must exist; objects on the way are made.
func Set[T any](path, value string) func(*T) error {
	return func(into *T) error {
		a := assigner{literal: true, lines: map[string]int{}}
		target, store := a.find(reflect.ValueOf(into).Elem(), path)
		if len(a.found) > 0 {
			return a.err()
		}
		t := &tree{kind: kindScalar, text: value, isString: true}
		if target.Kind() != reflect.String {
			t = parseYAML([]byte(value), &a.problems)
		}
		if t != nil {
			t.line = 0
			a.assign(target, t, path)
			store()
		}
		return a.err()
	}
}

// find walks to the value at path. Store puts a changed map entry back, which cannot be changed in place.
func (a *assigner) find(v reflect.Value, path string) (target reflect.Value, store func()) {
	store = func() {}
	parts := strings.Split(path, ".")
	for i, part := range parts {
		match := segment.FindStringSubmatch(part)
		if match == nil {
			a.add(path, 0, "is not a path: write such as job.steps[0].time_limit")
			return v, store
		}
		v = alloc(v)
		switch v.Kind() {
		case reflect.Struct:
			at := slices.Index(fieldNames(v.Type()), match[1])
			if at < 0 {
				a.add(path, 0, "unknown field %q: the fields here are %s", clip(match[1]), strings.Join(fieldNames(v.Type()), ", "))
				return v, store
			}
			v = v.Field(at)
		case reflect.Map:
			return mapEntry(v, strings.Join(parts[i:], "."))
		default:
			a.add(path, 0, "%q has no fields", strings.Join(parts[:i], "."))
			return v, store
		}
		if v = a.indexed(v, match[2], path); len(a.found) > 0 {
			return v, store
		}
	}
	return v, store
}

// indexed follows "[0][1]".
func (a *assigner) indexed(v reflect.Value, indexes, path string) reflect.Value {
	for _, text := range strings.FieldsFunc(indexes, func(r rune) bool { return r == '[' || r == ']' }) {
		at, err := strconv.Atoi(text)
		if err != nil || v.Kind() != reflect.Slice || at >= v.Len() {
			a.add(path, 0, "there is no [%s]: a list's item must exist to be set", text)
			return v
		}
		v = v.Index(at)
	}
	return v
}

// mapEntry is a settable copy of an entry; the rest of the path is its key, dots and all.
func mapEntry(m reflect.Value, key string) (entry reflect.Value, store func()) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	entry = reflect.New(m.Type().Elem()).Elem()
	return entry, func() { m.SetMapIndex(reflect.ValueOf(key), entry) }
}

// alloc follows a pointer, making what it points at.
func alloc(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

package faultproxy

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxScript bounds a script's file: a thousand rules have some 100 KiB.
const maxScript = 1 << 20

// Load reads a script in YAML or JSON. Its one error names file, rule, key and remedy.
func Load(file string) (Script, error) {
	script, err := load(file)
	if err != nil {
		return Script{}, fmt.Errorf("read faults %s: %w", file, err)
	}
	return script, nil
}

func load(file string) (Script, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Script{}, err
	}
	if info.Size() > maxScript {
		return Script{}, fmt.Errorf("has %d bytes; a script has at most %d", info.Size(), maxScript)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Script{}, err
	}
	return parse(text)
}

func parse(text []byte) (Script, error) {
	var tree map[string]any
	if err := yaml.Load(text, &tree); err != nil {
		return Script{}, fmt.Errorf("is no YAML of the form `rules: [{fault: …}]`: %w", err)
	}
	var script Script
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		switch value := tree[key]; key {
		case "seed":
			seed, ok := whole(value)
			if !ok || seed < 0 {
				return Script{}, fmt.Errorf("seed: is %v; write a whole number from 0", value)
			}
			script.Seed = uint64(seed)
		case "rules":
			rules, ok := value.([]any)
			if !ok {
				return Script{}, errors.New("rules: is no list; write each rule as an item `- fault: …`")
			}
			if err := script.parseRules(rules); err != nil {
				return Script{}, err
			}
		default:
			return Script{}, fmt.Errorf("%s: is no key of a script; write seed and rules", key)
		}
	}
	if len(script.Rules) == 0 {
		return Script{}, errors.New("rules: there are none; write at least one, `- fault: …`")
	}
	return script, nil
}

func (s *Script) parseRules(items []any) error {
	if len(items) > maxRules {
		return fmt.Errorf("rules: are %d; write at most %d", len(items), maxRules)
	}
	for i, item := range items {
		keys, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("rule %d: is no mapping; write `- fault: …`", i+1)
		}
		var rule Rule
		var problems []error
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if err := rule.set(key, keys[key]); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", key, err))
			}
		}
		if len(problems) == 0 {
			_, err := rule.arm(0, 0)
			problems = append(problems, err)
		}
		if err := errors.Join(problems...); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
		s.Rules = append(s.Rules, rule)
	}
	return nil
}

// set is one key of a rule.
func (r *Rule) set(key string, value any) (err error) {
	switch key {
	case "fault":
		r.Fault, err = text[Fault](value)
	case "call":
		r.Call, err = text[Call](value)
	case "path":
		r.Path, err = text[string](value)
	case "labels":
		r.Labels, err = labels(value)
	case "after":
		r.After, err = number(value)
	case "count":
		r.Count, err = number(value)
	case "bytes":
		r.Bytes, err = number(value)
	case "status":
		r.Status, err = number(value)
	case "probability":
		r.Probability, err = fraction(value)
	case "delay":
		r.Delay, err = duration(value)
	case "listed":
		var ok bool
		if r.Listed, ok = value.(bool); !ok {
			err = fmt.Errorf("is %v; write true or false", value)
		}
	default:
		err = errors.New("is no key of a rule; write fault, call, path, labels, after, count, probability, delay, bytes, status or listed")
	}
	return err
}

func text[T ~string](value any) (T, error) {
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("is %v; write a text, in quotes if it looks like something else", value)
	}
	return T(text), nil
}

func labels(value any) (map[string]string, error) {
	pairs, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("is %v; write name: value, with texts", value)
	}
	labels := map[string]string{}
	for name, value := range pairs {
		if labels[name], ok = value.(string); !ok {
			return nil, fmt.Errorf("%s: is %v; write a text, in quotes if it looks like something else", name, value)
		}
	}
	return labels, nil
}

func whole(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	}
	return 0, false
}

func number(value any) (int, error) {
	n, ok := whole(value)
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, fmt.Errorf("is %v; write a whole number", value)
	}
	return int(n), nil
}

func fraction(value any) (float64, error) {
	if n, ok := whole(value); ok {
		return float64(n), nil
	}
	n, ok := value.(float64)
	if !ok {
		return 0, fmt.Errorf("is %v; write a number up to 1", value)
	}
	return n, nil
}

func duration(value any) (time.Duration, error) {
	text, ok := value.(string)
	if ok {
		if delay, err := time.ParseDuration(text); err == nil {
			return delay, nil
		}
	}
	return 0, fmt.Errorf("is %v; write a time with its unit, such as 3s or 1m30s", value)
}

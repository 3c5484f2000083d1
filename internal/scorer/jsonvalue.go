package scorer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	// maxDepth bounds the nesting of a hostile document.
	maxDepth = 64
	// maxValue bounds a score: sums over a million trials stay finite and exact enough.
	maxValue = 1e15
)

// valueAt is the number or boolean (1 or 0) at a dotted path of one JSON document; in a list, a part is an index. Errors
// are for people. Anything two readers could read in two ways is refused: a name that stands twice in one object, more
// than one document, numbers past a float's range.
func valueAt(data []byte, field string) (float64, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	document, err := decode(decoder, 0)
	if err != nil {
		return 0, fmt.Errorf("not usable JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return 0, errors.New("not usable JSON: more than one document")
	}
	found, err := lookUp(document, field)
	if err != nil {
		return 0, err
	}
	return toScore(found, field)
}

// decode reads one value. encoding/json alone would keep the last of two equal names, and nest 10000 deep.
func decode(decoder *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	token, err := decoder.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it ends early")
		}
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeObject(decoder, depth)
	case json.Delim('['):
		return decodeList(decoder, depth)
	}
	return token, nil
}

func decodeObject(decoder *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, isName := token.(string)
		if _, twice := object[name]; twice || !isName {
			return nil, fmt.Errorf("the name %q stands twice in one object", name)
		}
		if object[name], err = decode(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token() // the closing brace
	return object, err
}

func decodeList(decoder *json.Decoder, depth int) (any, error) {
	var list []any
	for decoder.More() {
		item, err := decode(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := decoder.Token() // the closing bracket
	return list, err
}

func lookUp(document any, field string) (any, error) {
	current := document
	for part := range strings.SplitSeq(field, ".") {
		found := false
		switch node := current.(type) {
		case map[string]any:
			current, found = node[part]
		case []any:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(node) {
				current, found = node[i], true
			}
		}
		if !found {
			return nil, fmt.Errorf("it has no %q", field)
		}
	}
	return current, nil
}

func toScore(found any, field string) (float64, error) {
	switch value := found.(type) {
	case bool:
		if value {
			return 1, nil
		}
		return 0, nil
	case json.Number:
		number, err := value.Float64()
		if err != nil || math.Abs(number) > maxValue {
			return 0, fmt.Errorf("%q is beyond ±%g", field, maxValue)
		}
		return number, nil
	}
	return 0, fmt.Errorf("%q is neither a number nor a boolean", field)
}

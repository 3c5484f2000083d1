package spec

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a time.Duration written as Go writes it ("90s", "45m"), in JSON and in YAML. 0 means unset.
type Duration time.Duration

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes d as Go writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "1h30m"; a bare number is refused, because its unit would be a guess.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read duration %q: want a number with a unit, such as 90s or 45m", text)
	}
	*d = Duration(parsed)
	return nil
}

// UnmarshalJSON refuses anything but a string, with a message that shows the right form.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("read duration %s: want a string with a unit, such as \"90s\"", data)
	}
	return d.UnmarshalText([]byte(text))
}

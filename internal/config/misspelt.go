package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// farthest is how many letters of a variable may be wrong for it to be taken for a misspelt setting. The settings' own names are
// three apart at least; a service called pitwall-store puts PITWALL_STORE_PORT into each pod of Kubernetes, five away.
const farthest = 2

// misspelt finds variables that are taken for settings and are none: with a letter or two wrong, or with PITWALL_ in place
// of DAYTONA_. Without this a policy, or a bound, that somebody believes in would not hold. What else begins so is left
// alone: other programs and Kubernetes have such variables too.
func (f *findings) misspelt(vars map[string]string) {
	known := settings()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if vars[name] == "" || slices.Contains(known, name) || strings.HasPrefix(name, "PITWALL_SECRET_") {
			continue
		}
		for _, setting := range known {
			if meant(name, setting) {
				f.bad(name, " is no setting: it is called %s", setting)
				break
			}
		}
	}
}

// settings are the names of all variables that Config reads, of ours and Daytona's.
func settings() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name := field.Tag.Get("env")
		if strings.HasPrefix(name, "PITWALL_") || strings.HasPrefix(name, "DAYTONA_") {
			names = append(names, name)
		}
	}
	return names
}

// meant reports whether who wrote name meant setting.
func meant(name, setting string) bool {
	if rest, ours := strings.CutPrefix(name, "PITWALL_"); ours && setting == "DAYTONA_"+rest {
		return true
	}
	prefix := setting[:strings.IndexByte(setting, '_')+1]
	return strings.HasPrefix(name, prefix) && distance(name, setting) <= farthest
}

// distance is Levenshtein's: how many letters are to be inserted, removed or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

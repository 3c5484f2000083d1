package spec

import (
	"regexp"
	"slices"
)

// toolName admits names as tool registries have them: web.search, math/add, mcp:files.
var toolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$`)

func (c *checker) tools(in EvalInput) {
	switch {
	case len(in.Tools) > 0 && in.Kind != KindToolSimulation && !c.open(in.Kind):
		c.bad("tools", "belong to kind %s: set it or remove them", KindToolSimulation)
		return
	case len(in.Tools) > MaxTools:
		c.bad("tools", "has %d names, more than %d: simulate fewer in one sandbox", len(in.Tools), MaxTools)
		return
	}
	for i, name := range in.Tools {
		first := slices.Index(in.Tools, name)
		switch {
		case c.open(name):
		case !toolName.MatchString(name):
			c.bad(index("tools", i), "%q is not a tool's name: use 1 to 64 letters, digits and . _ : / -", clip(name))
		case first < i:
			c.bad(index("tools", i), "%q is named by %s too: keep one", name, index("tools", first))
		}
	}
}

package main

import (
	"context"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"pitwall/workflows"
)

// console looks at what makes Temporal's UI the console of Pitwall, and prints its links.
func (e *examination) console(ctx context.Context, connected client.Client) {
	missing, err := workflows.MissingSearchAttributes(ctx, connected, e.target.namespace())
	switch {
	case err != nil:
		e.add("search attributes", findingSkip, err.Error(), "")
	case len(missing) > 0:
		e.add("search attributes", findingWarn, "the namespace lacks "+strings.Join(missing, ", ")+": views by state and campaign stay empty",
			"add each, then restart the workers: temporal operator search-attribute create --namespace "+e.target.namespace()+" --type Keyword --name NAME")
	default:
		e.add("search attributes", findingOK, strings.Join(workflows.SearchAttributes(), ", "), "")
	}
	if e.target.uiURL == "" {
		e.add("ui", findingSkip, "its address is not known", "set PITWALL_UI_URL, and doctor prints links to its forms and views")
		return
	}
	ui := e.target.console()
	for _, link := range append(ui.forms(), ui.views(time.Now())...) {
		e.add("ui: "+link.Name, findingOK, link.URL, "")
	}
}

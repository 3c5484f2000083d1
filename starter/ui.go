package main

import (
	"net/url"
	"strings"
	"time"

	"pitwall/workflows"
)

// uiLink is an address in Temporal's UI.
type uiLink struct {
	// Name is a short label, and that of a saved view.
	Name string `json:"name"`
	URL  string `json:"url"`
}

// console builds the addresses of one namespace in Temporal's UI.
type console struct{ base, namespace string }

func (c console) workflows() string {
	return strings.TrimSuffix(c.base, "/") + "/namespaces/" + url.PathEscape(c.namespace) + "/workflows"
}

// history is the page of one run.
func (c console) history(id, runID string) string {
	return c.workflows() + "/" + url.PathEscape(id) + "/" + url.PathEscape(runID) + "/history"
}

// forms open the Start Workflow form, filled in from a template.
func (c console) forms() []uiLink {
	form := func(name, workflowType, template string) uiLink {
		query := url.Values{"taskQueue": {workflows.TaskQueue}, "workflowType": {workflowType}, "workflowId": {template}}
		return uiLink{name, c.workflows() + "/start-workflow?" + query.Encode()}
	}
	return []uiLink{
		form("start an eval", "EvalWorkflow", workflows.TemplateEvalID),
		form("start a campaign", "CampaignWorkflow", workflows.TemplateCampaignID),
	}
}

// views are lists of workflows. The UI keeps each that is opened among the browser's saved views.
func (c console) views(now time.Time) []uiLink {
	view := func(name, query string) uiLink {
		return uiLink{name, c.workflows() + "?" + url.Values{"query": {query}, "savedQuery": {"Pitwall: " + name}}.Encode()}
	}
	return []uiLink{
		view("running", workflows.QueryRunning),
		view("failed since yesterday", workflows.QueryFailed(now.Add(-24*time.Hour))),
		view("waiting for capacity", workflows.QueryWaiting),
		view("leaked", workflows.QueryLeaked),
	}
}

package faultproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// peek decodes a kept answer, and leaves it as it was.
func peek(resp *http.Response, into any) error {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// write replaces an answer's body.
func write(resp *http.Response, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
	resp.Header.Set("Content-Type", "application/json")
	return nil
}

// deleting says that a delete was accepted and not done.
func (m mask) deleting() bool { return m.fault == DeleteHidden || m.fault == DeleteStuck }

// disguise masks a sandbox, unless it was cleared meanwhile, or its delete was accepted.
func (x *exchange) disguise(id string, m mask) {
	x.p.sandboxes.change(id, func(row *sandbox) {
		if !row.mask.active() || !row.mask.deleting() {
			row.mask = m
		}
	})
	select {
	case <-x.cleared:
		x.p.sandboxes.change(id, func(row *sandbox) { row.mask = mask{} })
	default:
	}
}

// standIn answers in the server's stead for a sandbox whose delete was accepted and not done; nil when the server is to.
func (x *exchange) standIn(out *http.Request) *http.Response {
	if x.named == "" {
		return nil
	}
	row, _ := x.p.sandboxes.find(x.named)
	if !row.mask.active() || !row.mask.deleting() || row.gone {
		return nil
	}
	hidden, byID, call := row.mask.fault == DeleteHidden, x.named == row.id, x.request.Call
	var told answer
	switch {
	case call == Get && byID && !hidden:
		return nil // to show whether the server still has it
	case call.inToolbox() && hidden:
		told = x.refusal(http.StatusUnauthorized, "authentication failed: Bearer token is invalid")
	case call.inToolbox():
		told = x.refusal(http.StatusBadRequest, "failed to resolve container IP after 3 attempts: sandbox is destroying. Is the Sandbox started?")
	case hidden, !byID:
		told = x.refusal(http.StatusNotFound, fmt.Sprintf("Sandbox with ID or name %s not found", x.named))
	default:
		told = x.refusal(http.StatusConflict, "Sandbox state change in progress")
	}
	x.drain()
	return told.response(out)
}

// mask changes what an answer shows.
func (x *exchange) mask(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK || !x.p.sandboxes.masked() {
		return nil
	}
	switch x.request.Call {
	case Create, Get, Start:
		var shown object
		if err := peek(resp, &shown); err != nil {
			return nil //nolint:nilerr // not the server's usual answer: it passes as it is
		}
		row, _ := x.p.sandboxes.find(shown.text("id"))
		if !row.mask.active() {
			return nil
		}
		row.mask.over(shown)
		return write(resp, shown)
	case List:
		return editList(resp, func(items []object) []object {
			kept := items[:0]
			for _, item := range items {
				row, _ := x.p.sandboxes.find(item.text("id"))
				if active := row.mask.active(); active && (row.mask.fault == DeleteHidden || row.mask.fault == DeleteStuck && !row.mask.listed) {
					continue
				} else if active && row.mask.fault != DeleteStuck { // a list gives the stored state, which is still "started"
					row.mask.over(item)
				}
				kept = append(kept, item)
			}
			return kept
		})
	}
	return nil
}

// over changes how one sandbox is shown. What the server itself is removing is shown as it is.
func (m mask) over(shown object) {
	if shown.text("desiredState") == "destroyed" {
		return
	}
	if m.fault == DeleteStuck {
		shown.set("state", "destroying")
		shown.set("desiredState", "destroyed")
		shown.set("name", m.name)
		return
	}
	shown.set("state", m.state)
	if m.reason != "" {
		shown.set("errorReason", m.reason)
	}
}

// editList changes the items of a page.
func editList(resp *http.Response, edit func([]object) []object) error {
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	var page struct {
		Items      []object        `json:"items"`
		NextCursor json.RawMessage `json:"nextCursor"`
	}
	if err := peek(resp, &page); err != nil {
		return nil //nolint:nilerr // not the server's usual answer: it passes as it is
	}
	if page.Items = edit(page.Items); page.Items == nil {
		page.Items = []object{}
	}
	return write(resp, page)
}

package spec

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// Template is an EvalTemplate whose texts are parsed, ready to be rendered for each trial.
type Template struct {
	eval   EvalTemplate
	parsed map[string]*template.Template
}

// Compile parses every text of the template that holds an action. The error is an *InvalidInput with all that do not parse.
func (t EvalTemplate) Compile() (*Template, error) {
	c := checker{prefix: "eval."}
	compiled := c.compile(t)
	return compiled, c.err()
}

func (c *checker) compile(t EvalTemplate) *Template {
	own := EvalInput(t).clone()
	compiled := &Template{eval: EvalTemplate(own), parsed: map[string]*template.Template{}}
	walkTexts(reflect.ValueOf(&own).Elem(), "", func(path, text string) string {
		if tmpl := c.parse(path, text); tmpl != nil {
			compiled.parsed[text] = tmpl
		}
		return text
	})
	return compiled
}

// parse returns nil for a text without an action, and for one that does not parse.
func (c *checker) parse(path, text string) *template.Template {
	if !strings.Contains(text, "{{") {
		return nil
	}
	tmpl, err := parseText(path, text)
	if err != nil {
		c.bad(path, "is not a template: %s", strings.TrimPrefix(err.Error(), "template: "+path+":"))
		return nil
	}
	return tmpl
}

// templateText checks a single text outside an EvalTemplate that may be a template.
func (c *checker) templateText(path, text string) {
	if c.parse(path, text) == nil && !strings.Contains(text, "{{") {
		c.text(path, text, MaxTextBytes)
	}
}

func parseText(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Funcs(templateFuncs).Parse(text)
}

// evalTemplate validates what can be known before a sample is.
func (c *checker) evalTemplate(t EvalTemplate) {
	inner := checker{template: true, contentMoves: true, prefix: "eval."}
	inner.compile(t)
	inner.eval(EvalInput(t))
	if t.Trial != nil {
		inner.bad("trial", "is set by the campaign: remove it")
	}
	for _, p := range inner.found {
		p.Path = strings.TrimSuffix(p.Path, ".")
		c.add(p.Path, 0, "%s", p.Message)
	}
}

// RenderError says which text of a template asked for what the fields do not have.
type RenderError struct {
	// Path of the text, such as eval.job.steps[0].code.
	Path string
	// Field that is missing, when that is the reason; Fields are those that there are, sorted.
	Field  string
	Fields []string
	Reason string
}

func (e *RenderError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: the template names the field %q, and the fields are %s", e.Path, clip(e.Field), strings.Join(e.Fields, ", "))
	}
	return e.Path + ": " + e.Reason
}

// Render returns the eval of one trial. Fields hold plain JSON values; an object or list among them prints as JSON, and
// null as nothing. The error is a *RenderError. A template is its author's program: what it writes is bounded by
// MaxSpecBytes a text, how long it loops is not.
func (t *Template) Render(fields map[string]any) (EvalInput, error) {
	out := EvalInput(t.eval).clone()
	printable := printable(fields)
	var first error
	walkTexts(reflect.ValueOf(&out).Elem(), "", func(path, text string) string {
		tmpl := t.parsed[text]
		if tmpl == nil || first != nil {
			return text
		}
		rendered, err := execute(tmpl, "eval."+path, printable)
		first = err
		return rendered
	})
	return out, first
}

// RenderText renders one text, such as a category, from the same fields. Path names it in errors.
func RenderText(path, text string, fields map[string]any) (string, error) {
	tmpl, err := parseText(path, text)
	if err != nil {
		return "", &RenderError{Path: path, Reason: err.Error()}
	}
	return execute(tmpl, path, printable(fields))
}

var missingKey = regexp.MustCompile(`map has no entry for key "([^"]*)"`)

func execute(tmpl *template.Template, path string, fields map[string]any) (string, error) {
	var b boundedBuffer
	err := tmpl.Execute(&b, fields)
	if err == nil {
		return b.String(), nil
	}
	failed := &RenderError{Path: path, Reason: err.Error()}
	if match := missingKey.FindStringSubmatch(err.Error()); match != nil {
		failed.Field = match[1]
		for name := range fields {
			failed.Fields = append(failed.Fields, name)
		}
		slices.Sort(failed.Fields)
	}
	if errors.Is(err, errRenderedTooLarge) {
		failed.Reason = errRenderedTooLarge.Error()
	}
	return "", failed
}

var errRenderedTooLarge = fmt.Errorf("renders to more than %d bytes: store the data and give its uri", MaxSpecBytes)

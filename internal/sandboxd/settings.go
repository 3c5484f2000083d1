package sandboxd

import (
	"net/http"
	"strconv"
)

// putLabels replaces all labels.
func (s *Server) putLabels(r *http.Request) (any, error) {
	var body struct {
		Labels map[string]string `json:"labels"`
	}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	if body.Labels == nil || !smallMap(body.Labels) {
		return nil, refuse(http.StatusBadRequest, "labels must be an object of at most %d strings and %d bytes", maxMapEntries, maxMapBytes)
	}
	rec, err := s.records.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	rec, err = s.records.change(rec.ID, func(r *record) error { r.Labels = body.Labels; return nil })
	if err != nil {
		return nil, err
	}
	return map[string]any{"labels": rec.Labels}, nil
}

// putSetting sets a number of minutes from the path; -1 turns one off whose least is -1, 0 the others.
func (s *Server) putSetting(set func(*record, int), least int) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		value, err := strconv.Atoi(r.PathValue("value"))
		if err != nil || value < least || value > maxMinutes {
			return nil, refuse(http.StatusBadRequest, "%q is not a number of minutes between %d and %d", r.PathValue("value"), least, maxMinutes)
		}
		rec, err := s.records.find(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		if rec, err = s.records.change(rec.ID, func(r *record) error { set(r, value); return nil }); err != nil {
			return nil, err
		}
		return s.dto(&rec, r.Host), nil
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// logPiece is one line of `logs -o json`: the bytes as text where they are UTF-8, else in base64. Pieces end anywhere.
type logPiece struct {
	Stream string `json:"stream"`
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitempty"`
}

// logPieces writes what it gets of one stream as pieces.
type logPieces struct {
	term   *terminal
	stream string
}

func (w logPieces) Write(p []byte) (int, error) {
	piece := logPiece{Stream: w.stream, Base64: p}
	if utf8.Valid(p) {
		piece = logPiece{Stream: w.stream, Text: string(p)}
	}
	line, err := json.Marshal(piece)
	if err != nil {
		return 0, fmt.Errorf("write piece: %w", err)
	}
	if _, err := fmt.Fprintf(visibleJSON(w.term.out), "%s\n", line); err != nil {
		return 0, err
	}
	return len(p), nil
}

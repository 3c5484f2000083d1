// Command notices writes THIRD_PARTY_NOTICES.md: every module whose code is linked into a program that `make build` makes,
// with its licence. It reads go.mod through `go list`, and the licence files in the module cache.
//
//	go run ./tools/notices > THIRD_PARTY_NOTICES.md
//	go run ./tools/notices --texts      the same with every licence's text: what to ship beside the programs
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	texts := flag.Bool("texts", false, "print every licence's text too")
	flag.Parse()
	if err := run(*texts); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(texts bool) error {
	modules, err := linked(".")
	if err != nil {
		return err
	}
	page, err := render(modules, texts)
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(page)
	return err
}

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: local sandboxes need Linux")
	os.Exit(1)
}

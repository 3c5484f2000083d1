package report

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// maxMailTrials that did not pass are in a mail.
const maxMailTrials = 20

// Mail writes a message of RFC 5322 without sender and recipients, for a program such as sendmail -t or msmtp: Subject with
// the verdict, and plain text.
func Mail(w io.Writer, r *Report) error {
	subject := mime.QEncoding.Encode("utf-8", clipped(fmt.Sprintf("[pitwall] %s: %s", verdictText(r), r.Campaign)))
	if _, err := fmt.Fprintf(w, "Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n", subject); err != nil {
		return err
	}
	encoded := quotedprintable.NewWriter(w)
	out := bufio.NewWriter(encoded)
	mailText(out, r)
	if err := out.Flush(); err != nil {
		return err
	}
	return encoded.Close()
}

func mailText(out io.Writer, r *Report) {
	fmt.Fprintf(out, "%s: %s\n\n", oneLine(r.Campaign), r.sentence())
	for _, f := range r.facts() {
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%-15s %s  %s", f.Name, f.Value, f.Note), " "))
	}
	if c := r.Comparison; c != nil {
		fmt.Fprintf(out, "\nAgainst %s: %s %s\n", oneLine(c.Baseline), c.Verdict, difference(c))
	}
	n := 0
	for t := range r.notPassed() {
		if n++; n == 1 {
			fmt.Fprint(out, "\nNot passed:\n")
		}
		if n <= maxMailTrials {
			fmt.Fprintf(out, "  %s  %s  %s\n", clipped(t.name()), t.Outcome, clipped(t.why()))
		}
	}
	if n > maxMailTrials {
		fmt.Fprintf(out, "  and %d more\n", n-maxMailTrials)
	}
}

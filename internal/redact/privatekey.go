package redact

import "bytes"

const (
	// maxKey bounds the text of a key: RSA with 16384 bits has 12.5 KiB.
	maxKey = 16 << 10
	// maxTitle bounds a line like -----BEGIN ENCRYPTED PRIVATE KEY-----.
	maxTitle = 64
	// maxHeaders bounds what stands between that line and the key: how it is encrypted, a comment.
	maxHeaders = 512
	// minKey is how long a key's first line is at least: that of an Ed25519 key has 64 letters.
	minKey = 40
	// maxGap bounds the white space between two lines: a line break and how far a document indents.
	maxGap = 64
	// dashes are around a title. Those that end one may begin the next.
	dashes = "-----"
)

// privateKey matches a PEM block of a private key, in lines or with its line feeds escaped as in JSON; where its end is cut
// off, what there is of it.
func privateKey(b []byte) (length, next int, open bool) {
	const begin, private = dashes + "BEGIN ", "PRIVATE KEY"
	title := b[len(begin):min(len(b), maxTitle)]
	stop := bytes.Index(title, []byte(dashes))
	if stop < 0 {
		return 0, len(begin), len(b) < maxTitle
	}
	next = len(begin) + stop
	if !bytes.Contains(title[:stop], []byte(private)) {
		return 0, next, false
	}
	at := next + len(dashes)
	headers, found := firstKeyLine(b[at:])
	if !found {
		return 0, next, len(b) < at+maxHeaders+minKey
	}
	at += headers
	at += keyText(b[at:min(len(b), at+maxKey)])
	end := endLine(b[at:])
	if end == 0 {
		return at, at, len(b) < at+maxGap+maxTitle+1
	}
	return at + end, at + end - len(dashes), false
}

// firstKeyLine finds the first long run of base64.
func firstKeyLine(b []byte) (at int, found bool) {
	for at < min(len(b), maxHeaders) {
		n := run(b[at:min(len(b), at+minKey)], pemLetters)
		if n == minKey {
			return at, true
		}
		at += n + 1
	}
	return 0, false
}

// keyText is how much of b are lines of base64.
func keyText(b []byte) int {
	end := 0
	for {
		line := end + gap(b[end:])
		n := run(b[line:], pemLetters)
		if n == 0 {
			return end
		}
		end = line + n
	}
}

// endLine is how long a line break and -----END PRIVATE KEY----- are, if b begins so; else 0.
func endLine(b []byte) int {
	at := gap(b)
	title := b[at:min(len(b), at+maxTitle)]
	if !bytes.HasPrefix(title, []byte(dashes+"END ")) {
		return 0
	}
	stop := bytes.Index(title[len(dashes):], []byte(dashes))
	if stop < 0 {
		return 0
	}
	return at + len(dashes) + stop + len(dashes)
}

// gap is how much white space b begins with, of maxGap and what an escape has beyond it at most.
func gap(b []byte) int {
	at := 0
	for at < min(len(b), maxGap) {
		n := lineBreak(b[at:])
		if n == 0 {
			break
		}
		at += n
	}
	return at
}

// lineBreak is the length of the white space at the beginning of b: one byte, or an escape of one.
func lineBreak(b []byte) int {
	switch {
	case bytes.IndexByte([]byte(" \t\r\n"), b[0]) >= 0:
		return 1
	case len(b) >= 2 && b[0] == '\\' && (b[1] == 'n' || b[1] == 'r'):
		return 2
	}
	return 0
}

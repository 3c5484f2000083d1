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
)

// privateKey matches a PEM block of a private key, in lines or with its line feeds escaped as in JSON; where its end is cut
// off, what there is of it.
func privateKey(b []byte) (length, next int, open bool) {
	const begin, private, dashes = "-----BEGIN ", "PRIVATE KEY", "-----"
	title := b[len(begin):min(len(b), maxTitle)]
	stop := bytes.Index(title, []byte(dashes))
	if stop < 0 {
		return 0, len(begin), len(b) < maxTitle
	}
	at := len(begin) + stop + len(dashes)
	if !bytes.Contains(title[:stop], []byte(private)) {
		return 0, at, false
	}
	headers, found := firstKeyLine(b[at:])
	if !found {
		return 0, at, len(b) < at+maxHeaders+minKey
	}
	at += headers
	at += keyText(b[at:min(len(b), at+maxKey)])
	end := endLine(b[at:])
	return at + end, at + end, end == 0 && len(b) < at+maxTitle
}

// firstKeyLine finds the first long run of base64.
func firstKeyLine(b []byte) (at int, found bool) {
	for at < min(len(b), maxHeaders) {
		n := run(b[at:], base64Letters, minKey)
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
	for i := 0; i < len(b); {
		if gap := lineBreak(b[i:]); gap > 0 {
			i += gap
			continue
		}
		n := run(b[i:], base64Letters, len(b))
		if n == 0 || bytes.HasPrefix(b[i:], []byte("-----")) {
			break
		}
		i += n
		end = i
	}
	return end
}

// endLine is how long a line break and -----END PRIVATE KEY----- are, if b begins so; else 0.
func endLine(b []byte) int {
	const dashes = "-----"
	i := 0
	for gap := 1; gap > 0 && i < len(b); i += gap {
		gap = lineBreak(b[i:])
	}
	title := b[i:min(len(b), i+maxTitle)]
	if !bytes.HasPrefix(title, []byte("-----END ")) {
		return 0
	}
	stop := bytes.Index(title[len(dashes):], []byte(dashes))
	if stop < 0 {
		return 0
	}
	return i + len(dashes) + stop + len(dashes)
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

// Command release makes the archives of a release, `make release`:
//
//	dist/pitwall-VERSION-OS-ARCH.tar.gz   (.zip for Windows): starter, worker, LICENSE, NOTICE, THIRD_PARTY_NOTICES, SBOM
//	dist/pitwall-VERSION-OS-ARCH.cdx.json the SBOM again (CycloneDX 1.6): every module that is linked, read from the programs
//	dist/SHA256SUMS                       of all of them
//
// The same commit and Go version give the same bytes, wherever they are built: paths are trimmed, and every time in an archive
// is the commit's. A tree with changes is refused, for its bytes could not be made again.
//
//	git ──> version, time
//	go build ──> programs ──> sbom.go ─┐
//	LICENSE, NOTICE, notices --texts ──┴─> archive.go ──> sums
package main

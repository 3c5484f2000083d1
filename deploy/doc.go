// Package deploy is no program: it holds the tests of what this folder ships.
package deploy

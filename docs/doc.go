// Package docs holds the documentation to the code: its tests read every page of the repository.
package docs

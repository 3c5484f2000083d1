//go:build azure

package artifact

import _ "gocloud.dev/blob/azureblob" // azblob://CONTAINER

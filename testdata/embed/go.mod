module mk

go 1.26.0

require fsk v0.0.0

require (
	github.com/go-git/go-billy/v5 v5.9.2 // indirect
	github.com/klauspost/cpuid/v2 v2.0.12 // indirect
	github.com/zeebo/blake3 v0.2.4 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace fsk => ../..

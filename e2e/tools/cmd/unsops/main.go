// Unsops decrypts a SOPS file from its input with the age keys of a file, checking the MAC: the
// judge of what gimlet-sops writes.
//
//	unsops KEYFILE <encrypted.yaml >plain.yaml
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/decrypt"
)

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: unsops KEYFILE <encrypted.yaml >plain.yaml")
	}
	if err := os.Setenv(age.SopsAgeKeyFileEnv, os.Args[1]); err != nil {
		return err
	}
	encrypted, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	plain, err := decrypt.Data(encrypted, "yaml")
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(plain)
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

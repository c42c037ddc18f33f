// SPDX-License-Identifier: Apache-2.0

// Gives documents to the verifier hf/nitrite.
//
// usage: verifier ROOT LIST
//
// ROOT is a certificate in DER. Lines of LIST name a document, the time of its
// verification in milliseconds since 1970, and its file. Prints for each its name and
// "accept", or "reject" and the reason.
package main

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/hf/nitrite"
)

// Some faults make it panic; a program that uses it would be dead, not deceived.
func verify(document []byte, options nitrite.VerifyOptions) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
	}()
	_, err = nitrite.Verify(document, options)
	return err
}

func main() {
	der, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)

	list, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	for scanner := bufio.NewScanner(list); scanner.Scan(); {
		var name, path string
		var ms int64

		if _, err := fmt.Sscan(scanner.Text(), &name, &ms, &path); err != nil {
			log.Fatal(err)
		}
		document, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		err = verify(document, nitrite.VerifyOptions{Roots: roots, CurrentTime: time.UnixMilli(ms)})
		if err == nil {
			fmt.Println(name, "accept")
		} else {
			fmt.Println(name, "reject", err)
		}
	}
}

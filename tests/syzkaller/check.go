// SPDX-License-Identifier: Apache-2.0

// Compiles ne_emu.txt with syzkaller's compiler, together with syzkaller's descriptions of
// Linux. Runs in syzkaller's source tree; check.sh starts it.
//
// usage: go run check.go DIRECTORY
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/syzkaller/pkg/ast"
	"github.com/google/syzkaller/pkg/compiler"
	"github.com/google/syzkaller/sys/targets"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: go run check.go DIRECTORY")
	}
	ours := filepath.Join(os.Args[1], "ne_emu.txt")
	complain := func(pos ast.Pos, msg string) {
		// syzkaller's descriptions cause hundreds about calls of other architectures.
		if pos.File == ours {
			fmt.Fprintf(os.Stderr, "%v: %v\n", pos, msg)
		}
	}

	desc := ast.ParseGlob(filepath.Join("sys", "linux", "*.txt"), complain)
	data, err := os.ReadFile(ours)
	if err != nil {
		fail(err.Error())
	}
	own := ast.Parse(data, ours, complain)
	if desc == nil || own == nil {
		fail("cannot be parsed")
	}
	// The formatter defines the style.
	if formatted := ast.Format(own); string(formatted) != string(data) {
		os.WriteFile(ours+".formatted", formatted, 0o644)
		fail("not formatted: compare with " + ours + ".formatted")
	}
	calls := names(own)
	desc.Nodes = append(desc.Nodes, own.Nodes...)

	consts := compiler.DeserializeConstFile(filepath.Join("sys", "linux", "*.const"), complain)
	constsOwn := compiler.DeserializeConstFile(ours+".const", complain)
	if consts == nil || constsOwn == nil {
		fail("no constants")
	}
	values := consts.Arch(targets.AMD64)
	for name, value := range constsOwn.Arch(targets.AMD64) {
		if old, ok := values[name]; ok && old != value {
			fail(fmt.Sprintf("%v is %v in syzkaller and %v here", name, old, value))
		}
		values[name] = value
	}

	prog := compiler.Compile(desc, values, targets.Get(targets.Linux, targets.AMD64), complain)
	if prog == nil {
		fail("does not compile")
	}
	for _, call := range prog.Syscalls {
		delete(calls, call.Name)
	}
	for name := range calls {
		fail(name + ": dropped by the compiler, for want of a constant")
	}
	fmt.Println("ok: compiles with", len(prog.Syscalls), "calls in all")
}

// The calls of a description; those that remain later are missing.
func names(desc *ast.Description) map[string]bool {
	calls := make(map[string]bool)
	for _, node := range desc.Nodes {
		if call, ok := node.(*ast.Call); ok {
			calls[call.Name.Name] = true
		}
	}
	return calls
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "check.go:", strings.TrimSpace(why))
	os.Exit(1)
}

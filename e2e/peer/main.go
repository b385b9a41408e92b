// Command peer makes releases as programs do that keep a clone: refresh it, copy its folder, write,
// add, commit, pull, push. It is what the benchmark compares the writer with.
//
// It is started as "peer URL FOLDER", keeps its clone in that folder, and is asked by a line of JSON
// for each release: {"files": {"path": "text"}}. It answers with {"nanos": 123}.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

type request struct {
	Files map[string]string `json:"files"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: peer URL FOLDER")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func serve(url, folder string) error {
	cache := filepath.Join(folder, "cache")
	if _, err := git.PlainClone(cache, false, &git.CloneOptions{URL: url, Depth: 100}); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	fmt.Println(`{"nanos": 0}`)
	lines := bufio.NewReader(os.Stdin)
	for number := 0; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			return err
		}
		copied := filepath.Join(folder, fmt.Sprintf("copy-%d", number))
		began := time.Now()
		if err := release(cache, copied, asked.Files); err != nil {
			return err
		}
		fmt.Printf("{\"nanos\": %d}\n", time.Since(began).Nanoseconds())
		if err := os.RemoveAll(copied); err != nil {
			return err
		}
	}
}

// release works on a copy, so that a failure leaves the clone as it was.
func release(cache, copied string, files map[string]string) error {
	if err := os.CopyFS(copied, os.DirFS(cache)); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	repository, err := git.PlainOpen(copied)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	tree, err := repository.Worktree()
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(copied, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
		if _, err := tree.Add(name); err != nil {
			return fmt.Errorf("add: %w", err)
		}
	}
	status, err := tree.Status()
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if status.IsClean() {
		return fmt.Errorf("nothing has changed")
	}
	by := &object.Signature{Name: "Peer", Email: "peer@example.com", When: time.Now()}
	if _, err := tree.Commit("release", &git.CommitOptions{Author: by}); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, args := range [][]string{{"pull", "--quiet", "--rebase"}, {"push", "--quiet", "origin", "main"}} {
		command := exec.Command("git", args...)
		command.Dir = copied
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, output)
		}
	}
	return refresh(cache)
}

func refresh(cache string) error {
	repository, err := git.PlainOpen(cache)
	if err != nil {
		return err
	}
	spec := config.RefSpec("+refs/heads/main:refs/remotes/origin/main")
	err = repository.Fetch(&git.FetchOptions{Depth: 100, RefSpecs: []config.RefSpec{spec}})
	if err != nil && err != git.NoErrAlreadyUpToDate {
		return fmt.Errorf("fetch: %w", err)
	}
	head, err := repository.Reference(plumbing.NewRemoteReferenceName("origin", "main"), true)
	if err != nil {
		return err
	}
	tree, err := repository.Worktree()
	if err != nil {
		return err
	}
	return tree.Reset(&git.ResetOptions{Commit: head.Hash(), Mode: git.HardReset})
}

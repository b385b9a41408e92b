// renderer keeps charts loaded and renders them with helm's library: what a
// service written in Go would do instead of starting helm, for the benchmark to
// compare with. It reads requests as lines of JSON and answers each with a line.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
)

type request struct {
	Chart       string          `json:"chart"`
	Values      json.RawMessage `json:"values"`
	Namespace   string          `json:"namespace"`
	KubeVersion string          `json:"kubeVersion"`
	Cold        bool            `json:"cold"`   // the chart is loaded anew, and that is timed too
	Output      bool            `json:"output"` // the answer holds the output
}

type answer struct {
	Wall   int64   `json:"wall"` // nanoseconds
	CPU    int64   `json:"cpu"`  // nanoseconds, of all threads
	Length int     `json:"length"`
	Peak   int64   `json:"peak"` // bytes of memory, since the process began
	Output *string `json:"output,omitempty"`
	Error  string  `json:"error,omitempty"`
}

var charts = map[string]*chart.Chart{}

func main() {
	requests, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for requests.More() {
		var r request
		err := requests.Decode(&r)
		if err != nil {
			fmt.Fprintln(os.Stderr, "renderer:", err)
			os.Exit(1)
		}
		a, err := serve(r)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, "renderer:", err)
			os.Exit(1)
		}
	}
}

func serve(r request) (answer, error) {
	var values map[string]any
	if err := json.Unmarshal(r.Values, &values); err != nil {
		return answer{}, err
	}
	var ready *chart.Chart
	if !r.Cold {
		known, err := load(r.Chart)
		if err != nil {
			return answer{}, err
		}
		// Not timed, though a service would have to do it: rendering changes a chart.
		ready = fresh(known)
	}
	used, begun := cpu(), time.Now()
	if r.Cold {
		var err error
		if ready, err = loader.Load(r.Chart); err != nil {
			return answer{}, err
		}
	}
	output, err := template(ready, values, r)
	if err != nil {
		return answer{}, err
	}
	a := answer{Wall: time.Since(begun).Nanoseconds(), CPU: cpu() - used, Length: len(output), Peak: peak()}
	if r.Output {
		a.Output = &output
	}
	return a, nil
}

func load(name string) (*chart.Chart, error) {
	if known, ok := charts[name]; ok {
		return known, nil
	}
	loaded, err := loader.Load(name)
	if err == nil {
		charts[name] = loaded
	}
	return loaded, err
}

// template gives what `helm template` prints.
func template(c *chart.Chart, values map[string]any, r request) (string, error) {
	if err := chartutil.ProcessDependenciesWithMerge(c, values); err != nil {
		return "", err
	}
	kube, err := chartutil.ParseKubeVersion(r.KubeVersion)
	if err != nil {
		return "", err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *kube
	options := chartutil.ReleaseOptions{Name: "release-name", Namespace: r.Namespace, Revision: 1, IsInstall: true}
	scope, err := chartutil.ToRenderValues(c, values, options, caps)
	if err != nil {
		return "", err
	}
	if wanted := c.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, caps.KubeVersion.String()) {
		return "", fmt.Errorf("chart requires kubeVersion: %s", wanted)
	}
	files, err := engine.Render(c, scope)
	if err != nil {
		return "", err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var body, out bytes.Buffer
	for _, m := range manifests {
		fmt.Fprintf(&body, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	fmt.Fprintln(&out, strings.TrimSpace(body.String()))
	for _, h := range hooks {
		fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", h.Path, h.Manifest)
	}
	return out.String(), nil
}

// fresh copies all of a chart that rendering changes.
func fresh(c *chart.Chart) *chart.Chart {
	metadata := *c.Metadata
	metadata.Dependencies = slices.Clone(c.Metadata.Dependencies)
	for i, d := range metadata.Dependencies {
		copied := *d
		metadata.Dependencies[i] = &copied
	}
	out := &chart.Chart{
		Raw: c.Raw, Metadata: &metadata, Lock: c.Lock, Templates: c.Templates,
		Schema: c.Schema, Files: c.Files,
	}
	if c.Values != nil {
		out.Values = deep(c.Values).(map[string]any)
	}
	for _, d := range c.Dependencies() {
		out.AddDependency(fresh(d))
	}
	return out
}

func deep(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := maps.Clone(value)
		for k, v := range out {
			out[k] = deep(v)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = deep(v)
		}
		return out
	}
	return value
}

// cpu gives the processor time of this process so far.
func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// peak gives the most memory that this process has had.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB")
	kilobytes, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kilobytes * 1024
}

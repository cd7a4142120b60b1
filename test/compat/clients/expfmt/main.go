// Command expfmt reads a /metrics page with Prometheus's own decoders, as text and as protobuf, and prints the number of
// families and metrics in each; families without a metric, which a text decoder does not show, are left out.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

var forms = []struct{ name, accept string }{
	{"text", "text/plain;version=0.0.4"},
	{"protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
}

func main() {
	for _, form := range forms {
		families, metrics, err := read(os.Args[1], form.accept)
		if err != nil {
			log.Fatalf("%s: %v", form.name, err)
		}
		fmt.Println(form.name, families, metrics)
	}
}

func read(url, accept string) (families, metrics int, err error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	decoder := expfmt.NewDecoder(answer.Body, expfmt.ResponseFormat(answer.Header))
	for {
		var family dto.MetricFamily
		switch err := decoder.Decode(&family); {
		case errors.Is(err, io.EOF):
			return families, metrics, nil
		case err != nil:
			return 0, 0, err
		case len(family.Metric) > 0:
			families++
			metrics += len(family.Metric)
		}
	}
}

extension EvaluationReport {
  /// A page that stands alone: no scripts, fonts or pictures from elsewhere; light or dark as the reader's system is.
  ///
  /// Holds the table of figures, a bar chart for each averaged measure, the comparisons with per-query differences, and
  /// the queries that changed most.
  public func html(title: String = "Evaluation") -> String {
    let heading = SVGCanvas.escaped(title)
    var body = "<h1>\(heading)</h1>\n" + figureTable + notes
    body += "<h2>Measures</h2>\n<div class=\"charts\">\n" + barCharts + "</div>\n"
    if let baseline, !comparisons.isEmpty {
      body += "<h2>Against \(SVGCanvas.escaped(baseline))</h2>\n<p>\(SVGCanvas.escaped(methodText)). "
      body += "<em>Detectable</em> is the smallest true difference that this test would find four times out of five.</p>\n"
      body += comparisonTable + comparisons.map(details).joined()
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(heading)</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <main>
      \(body)</main>
      </body>
      </html>

      """
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1b1b1b; --page: #ffffff; --rule: #cccccc; --shade: #f4f4f4; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e6e6e6; --page: #16181a; --rule: #444444; --shade: #202326; }
    }
    body { color: var(--ink); background: var(--page); font: 16px/1.5 system-ui, sans-serif; margin: 0; }
    main { max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5rem 0 1rem; }
    th, td { padding: 0.3rem 0.8rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
    th:first-child, td:first-child, .left { text-align: left; }
    thead th { background: var(--shade); }
    .best { font-weight: 600; }
    .interval { opacity: 0.75; font-size: 0.85em; }
    .charts { display: flex; flex-wrap: wrap; gap: 1rem; }
    svg { max-width: 100%; height: auto; }
    summary { cursor: pointer; padding: 0.3rem 0; }
    """

  private var figureTable: String {
    let head = ["run", "queries"] + runs[0].figures.map(\.measure.description)
    let rows = runs.enumerated().map { index, run -> String in
      let name = SVGCanvas.escaped(run.name) + (run.name == baseline ? " <small>(baseline)</small>" : "")
      let cells = run.figures.enumerated().map { measureIndex, figure -> String in
        let mark = comparison(run: run.name, measure: figure.measure)?.isSignificant == true ? "*" : ""
        let interval = figure.interval.map {
          " <span class=\"interval\">[\(fixed($0.lower, 4)), \(fixed($0.upper, 4))]</span>"
        } ?? ""
        let isBest = runs.count > 1 && best(measureIndex) == index
        return "<td\(isBest ? " class=\"best\"" : "")>\(Self.number(figure))\(mark)\(interval)</td>"
      }
      return "<tr><td>\(name)</td><td>\(run.evaluation.qids.count)</td>\(cells.joined())</tr>\n"
    }
    let legend = comparisons.isEmpty ? "" : " * differs from the baseline, corrected p &lt; \(plainNumber(settings.alpha))."
    return Self.table(head: head, rows: rows) + "<p>Brackets hold \(levelText) intervals over queries.\(legend)</p>\n"
  }

  private var notes: String {
    let notes = countNotes
    return notes.isEmpty ? "" : "<ul>\n" + notes.map { "<li>\(SVGCanvas.escaped($0))</li>\n" }.joined() + "</ul>\n"
  }

  private var barCharts: String {
    runs[0].figures.indices.filter { runs[0].figures[$0].measure.measure.aggregation == .mean }.map { index in
      let bars = runs.map { BarChart.Bar(label: $0.name, value: $0.figures[index].value, interval: $0.figures[index].interval) }
      return BarChart(title: runs[0].figures[index].measure.description, bars: bars).svg
    }.joined()
  }

  private var comparisonTable: String {
    let head = [
      "run", "measure", "difference", "\(levelText) interval", "p", "corrected p", "d_z", "wins / ties / losses", "detectable",
    ]
    let rows = comparisons.map { comparison -> String in
      let cells = [
        signed(comparison.test.meanDifference, 4) + (comparison.isSignificant ? "*" : ""),
        comparison.interval.map { "[\(signed($0.lower, 4)), \(signed($0.upper, 4))]" } ?? "-",
        pText(comparison.test.p), pText(comparison.correctedP), comparison.effect.cohensDz.map { fixed($0, 2) } ?? "-",
        "\(comparison.wins) / \(comparison.ties) / \(comparison.losses)",
        comparison.smallestDetectableDifference.map { fixed($0, 4) } ?? "-",
      ]
      let numbers = cells.map { "<td>\(SVGCanvas.escaped($0))</td>" }.joined()
      let measure = SVGCanvas.escaped(comparison.measure.description)
      return "<tr><td>\(SVGCanvas.escaped(comparison.run))</td><td class=\"left\">\(measure)</td>\(numbers)</tr>\n"
    }
    return Self.table(head: head, rows: rows)
  }

  /// The first measure's comparisons are open, the others one click away.
  private func details(_ comparison: Comparison) -> String {
    let title = "\(comparison.measure): \(comparison.run) - \(comparison.baseline)"
    let isFirst = comparison.measure == comparisons[0].measure
    let chart = DifferenceChart(title: title, differences: zip(comparison.qids, comparison.differences).map { ($0, $1) }).svg
    let rows = comparison.largestChanges(10).map {
      "<tr><td>\(SVGCanvas.escaped($0.qid))</td><td>\(signed($0.difference, 4))</td></tr>\n"
    }
    let note = comparison.test.note == .none ? "" : "<p>\(SVGCanvas.escaped(Self.noteText(comparison.test.note)))</p>\n"
    let changes = rows.isEmpty ? "<p>No query changed.</p>\n" : Self.table(head: ["changed most", "difference"], rows: rows)
    let open = isFirst ? " open" : ""
    return "<details\(open)>\n<summary>\(SVGCanvas.escaped(title))</summary>\n\(note)\(chart)\(changes)</details>\n"
  }

  private static func table(head: [String], rows: [String]) -> String {
    "<div class=\"wide\"><table>\n<thead><tr>" + head.map { "<th>\(SVGCanvas.escaped($0))</th>" }.joined()
      + "</tr></thead>\n<tbody>\n" + rows.joined() + "</tbody>\n</table></div>\n"
  }
}

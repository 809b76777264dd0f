extension EvaluationReport {
  /// Plain text for a terminal: a table of figures, a table of comparisons, and notes on how queries were counted.
  ///
  /// `*` marks a significant difference from the baseline.
  public var text: String {
    var output = table([figureHeader] + runs.map(figureRow), alignLeft: 1)
    if baseline != nil, !comparisons.isEmpty {
      output += "\nAgainst \(baseline ?? ""): \(methodText)\n"
      output += table([comparisonHeader] + comparisons.map(comparisonRow), alignLeft: 2)
    }
    let notes = countNotes
    if !notes.isEmpty { output += "\n" + notes.map { "note: \($0)\n" }.joined() }
    return output
  }

  private var figureHeader: [String] {
    ["run", "queries"] + runs[0].figures.map { $0.interval == nil ? $0.measure.description : "\($0.measure) [\(levelText)]" }
  }

  private func figureRow(_ run: RunSummary) -> [String] {
    let name = run.name == baseline ? run.name + " (baseline)" : run.name
    return [name, "\(run.evaluation.qids.count)"]
      + run.figures.map { figure in
        let isSignificant = comparison(run: run.name, measure: figure.measure)?.isSignificant ?? false
        let value = Self.number(figure) + (isSignificant ? "*" : comparisons.isEmpty ? "" : " ")
        return value + (figure.interval.map { " [\(fixed($0.lower, 4)), \(fixed($0.upper, 4))]" } ?? "")
      }
  }

  private var comparisonHeader: [String] {
    ["run", "measure", "difference", levelText, "p", "corrected", "d_z", "wins/ties/losses", "detectable"]
  }

  private func comparisonRow(_ comparison: Comparison) -> [String] {
    [
      comparison.run, comparison.measure.description,
      signed(comparison.test.meanDifference, 4) + (comparison.isSignificant ? "*" : " "),
      comparison.interval.map { "[\(signed($0.lower, 4)), \(signed($0.upper, 4))]" } ?? "-",
      pText(comparison.test.p), pText(comparison.correctedP), comparison.effect.cohensDz.map { fixed($0, 2) } ?? "-",
      "\(comparison.wins)/\(comparison.ties)/\(comparison.losses)",
      comparison.smallestDetectableDifference.map { fixed($0, 4) } ?? "-",
    ]
  }

  /// Counts without decimals, everything else with four.
  static func number(_ figure: Figure) -> String { fixed(figure.value, figure.measure.measure is CountMeasure ? 0 : 4) }

  /// Columns padded to their widest cell, the first `alignLeft` to the left, the others to the right.
  private func table(_ rows: [[String]], alignLeft: Int) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { $0 < alignLeft ? $1.padded(widths[$0]) : $1.leftPadded(widths[$0]) }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}

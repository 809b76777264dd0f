extension EvaluationReport {
  /// A table for a paper, with the rules of the `booktabs` package: best value of each measure in bold, a dagger where
  /// the difference from the baseline is significant.
  ///
  /// Text is escaped for LaTeX. Without a caption the bare `tabular` is returned.
  public func latex(caption: String? = nil, label: String? = nil) -> String {
    let columns = runs[0].figures.count
    var lines = ["\\begin{tabular}{l\(String(repeating: "r", count: columns))}", "\\toprule"]
    lines.append((["Run"] + runs[0].figures.map { Self.escaped($0.measure.description) }).joined(separator: " & ") + " \\\\")
    lines.append("\\midrule")
    for (index, run) in runs.enumerated() {
      let cells = run.figures.enumerated().map { measureIndex, figure -> String in
        let isBest = runs.count > 1 && best(measureIndex).map { runs[$0].figures[measureIndex].value == figure.value } ?? false
        let isSignificant = comparison(run: run.name, measure: figure.measure)?.isSignificant ?? false
        let number = Self.number(figure)
        return (isBest ? "\\textbf{\(number)}" : number) + (isSignificant ? "$^{\\dagger}$" : "")
      }
      lines.append(([Self.escaped(runs[index].name)] + cells).joined(separator: " & ") + " \\\\")
    }
    lines += ["\\bottomrule", "\\end{tabular}"]
    guard let caption else { return lines.joined(separator: "\n") + "\n" }

    var note = Self.escaped(caption)
    if let baseline, !comparisons.isEmpty {
      if let last = note.last, !".!?".contains(last) { note += "." }
      note += " $\\dagger$: differs from \(Self.escaped(baseline)), $p < \(plainNumber(settings.alpha))$, "
        + "\(Self.escaped(methodText))."
    }
    var wrapped = ["\\begin{table}", "\\centering", "\\caption{\(note)}"]
    if let label { wrapped.append("\\label{\(label)}") }
    return (wrapped + lines + ["\\end{table}"]).joined(separator: "\n") + "\n"
  }

  static func escaped(_ text: String) -> String {
    var output = ""
    for character in text {
      switch character {
      case "&", "%", "$", "#", "_", "{", "}": output += "\\\(character)"
      case "~": output += "\\textasciitilde{}"
      case "^": output += "\\textasciicircum{}"
      case "\\": output += "\\textbackslash{}"
      case "<": output += "\\textless{}"
      case ">": output += "\\textgreater{}"
      default: output.append(character)
      }
    }
    return output
  }
}

import GradusEval

extension RecipeRun.Report {
  /// The result as a table for a terminal.
  public var text: String {
    var text = "\(result.title)\nclaim: \(result.claim)\n"
    for experiment in result.experiments {
      text += "\n\(Self.heading(experiment))\n"
      let rows = [Self.header(experiment)] + Self.rows(experiment)
      let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
      for row in rows {
        let cells = row.enumerated().map { column, cell in
          let padding = String(repeating: " ", count: widths[column] - cell.count)
          return column == 0 ? cell + padding : padding + cell
        }
        text += cells.joined(separator: "  ") + "\n"
      }
      text += "\(Self.sentence(experiment, measure: result.claimMeasure))\n"
    }
    return text + "\nverdict: \(result.conclusion.rawValue)\(modeNote)\n"
  }

  /// The result as JSON.
  public func json() throws -> String { try JSONFile.encode(result) }

  /// The result with curves and per-query differences, as a page that stands alone.
  public var html: String {
    var page = HTMLPage(title: result.title)
    page.paragraph(result.source)
    page.paragraph("Claim: \(result.claim)")
    page.paragraph("Obtained: \(result.conclusion.rawValue)\(modeNote). \(result.figure).")
    page.paragraph(
      "All arms of an experiment see the same candidates, seeds, budget and validation. Judged is the claimed arm with the best "
        + "development figure: shown means better on average, with p below \(Verdict.level) over queries (corrected for the "
        + "number of arms) and over seeds.")
    for detail in details {
      let experiment = detail.result
      page.heading(Self.heading(experiment))
      page.table(Self.header(experiment), Self.rows(experiment))
      page.paragraph(Self.sentence(experiment, measure: result.claimMeasure))
      page.charts(
        TrainingCurves.charts(
          detail.cells.map { ($0.arm, $0.seeds.map(\.epochs)) }, measure: "validation measure"))
      page.heading("Query by query, \(result.claimMeasure), mean over seeds", level: 3)
      page.charts(differences(detail))
    }
    return page.html
  }

  private var modeNote: String {
    result.mode == .quick ? " (quick run: shows that everything works, too small to show an effect)" : ""
  }

  private func differences(_ detail: ExperimentDetails) -> [String] {
    let measure = result.claimMeasure
    let baseline = detail.result.comparisons.first?.baseline ?? ""
    func means(_ cells: [RecipeCell]) -> [Double] {
      detail.qids.indices.map { query in cells.map { ($0.values[measure] ?? [])[query] }.mean }
    }
    guard let base = detail.cells.first(where: { $0.arm == baseline }) else { return [] }
    let baseMeans = means(base.seeds)
    return detail.cells.filter { $0.arm != baseline }.map { arm, seeds in
      let values = zip(detail.qids, zip(means(seeds), baseMeans)).map { ($0, $1.0 - $1.1) }
      return DifferenceChart(title: "\(arm) - \(baseline)", differences: values).svg
    }
  }

  private static func heading(_ experiment: RecipeResult.Experiment) -> String {
    let seeds = experiment.seeds == 1 ? "1 seed" : "\(experiment.seeds) seeds"
    return "\(experiment.name) on \(experiment.collection): \(experiment.queries) test queries, \(seeds)"
  }

  private static func header(_ experiment: RecipeResult.Experiment) -> [String] {
    ["arm", "m", "dev"] + experiment.arms[0].figures.flatMap { [$0.measure, "difference", "%", "95 % interval", "p", "p seeds"] }
  }

  private static func rows(_ experiment: RecipeResult.Experiment) -> [[String]] {
    experiment.arms.map { arm in
      let start = [
        arm.name + (arm.curriculum.map { $0 == arm.name ? "" : " (\($0))" } ?? ""), arm.curriculumEnd ?? "-",
        arm.development.map { NumberText.fixed($0, 4) } ?? "-",
      ]
      return start + arm.figures.flatMap { figure -> [String] in
        let mean = NumberText.fixed(figure.mean, 4)
        guard let comparison = experiment.comparisons.first(where: { $0.arm == arm.name && $0.measure == figure.measure })
        else { return [mean, "", "", "", "", ""] }
        return [
          mean, NumberText.signed(comparison.difference, 4), NumberText.signed(comparison.relativePercent, 1),
          "[" + comparison.interval.map { NumberText.signed($0, 4) }.joined(separator: ", ") + "]",
          NumberText.p(comparison.correctedP), NumberText.p(comparison.seedsP),
        ]
      }
    }
  }

  /// What the figures say, in plain words.
  static func sentence(_ experiment: RecipeResult.Experiment, measure: String) -> String {
    guard let judged = experiment.comparisons.first(where: { $0.arm == experiment.judgedArm && $0.measure == measure }) else {
      return "No arm that the claim is about was trained."
    }
    let percent = NumberText.fixed(abs(judged.relativePercent), 1)
    let change = judged.difference == 0 ? "the same as" : "\(percent) % \(judged.difference > 0 ? "better" : "worse") than"
    var text = "Among the claimed arms '\(judged.arm)' did best on the development queries. On the test queries its \(measure) is "
    text += "\(change) that of '\(judged.baseline)' "
    text += "(p = \(NumberText.p(judged.correctedP)) over queries, "
    text += experiment.seeds > 1 ? "p = \(NumberText.p(judged.seedsP)) over seeds)" : "one seed says nothing about seeds)"
    return text + ": \(experiment.conclusion.rawValue)."
  }
}

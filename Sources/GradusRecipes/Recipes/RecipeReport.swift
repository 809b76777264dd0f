import GradusEval

extension RecipeRun.Report {
  /// The result as a table for a terminal.
  public var text: String {
    var text = "\(result.title)\nclaim: \(result.claim)\n"
    for experiment in result.experiments {
      text += "\n\(Self.heading(experiment))\n"
      if experiment.claim != result.claim { text += "claim: \(experiment.claim)\n" }
      let rows = [Self.header(experiment)] + Self.rows(experiment)
      let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
      for row in rows {
        let cells = row.enumerated().map { column, cell in
          let padding = String(repeating: " ", count: widths[column] - cell.count)
          return column == 0 ? cell + padding : padding + cell
        }
        text += cells.joined(separator: "  ") + "\n"
      }
      text += "\(Self.sentence(experiment))\n"
    }
    return text + "\nverdict: \(result.conclusion.rawValue)\(modeNote)\n\(result.summary)\n"
  }

  /// The result as JSON.
  public func json() throws -> String { try JSONFile.encode(result) }

  /// The result with curves and differences item by item, as a page that stands alone.
  public var html: String {
    var page = HTMLPage(title: result.title)
    page.paragraph(result.source)
    page.paragraph("Claim: \(result.claim)")
    page.paragraph("Obtained: \(result.conclusion.rawValue)\(modeNote). \(result.summary)")
    page.paragraph(
      "All arms of an experiment see the same data, seeds and budget. Judged is the claimed arm with the best development "
        + "figure: shown means better on average, with p below \(Verdict.level) over items (corrected for the number of arms) "
        + "and over seeds. Bands are one standard deviation over seeds.")
    for detail in details {
      let experiment = detail.result
      page.heading(Self.heading(experiment))
      if experiment.claim != result.claim { page.paragraph("Claim: \(experiment.claim)") }
      page.paragraph(Self.sentence(experiment))
      page.table(Self.header(experiment), Self.rows(experiment))
      addTrials(of: experiment, to: &page)
      page.charts(TrainingCurves.charts(detail.cells.map { ($0.arm, $0.seeds.map(\.curves)) }))
      page.heading("Gains one by one: \(experiment.claimMeasure) of the \(experiment.itemNoun), mean over seeds", level: 3)
      page.charts(differences(detail))
    }
    return page.html
  }

  /// What development data chose from, and what they chose.
  private func addTrials(of experiment: RecipeResult.Experiment, to page: inout HTMLPage) {
    let searched = experiment.arms.filter { $0.tried != nil }
    guard !searched.isEmpty else { return }
    page.heading("Settings that development data chose, with one seed", level: 3)
    page.table(
      ["arm", "settings", "development", "chosen"],
      searched.flatMap { arm in
        let tried = arm.tried ?? []
        return tried.enumerated().map { number, trial in
          [
            arm.name, trial.text, trial.development.map { NumberText.fixed($0, 4) } ?? "-",
            number == RecipeResult.Trial.best(tried) ? "yes" : "",
          ]
        }
      })
  }

  private var modeNote: String {
    result.mode == .quick ? " (quick run: shows that everything works, too small to show an effect)" : ""
  }

  private func differences(_ detail: ExperimentDetails) -> [String] {
    let measure = detail.result.claimMeasure
    let baseline = detail.result.comparisons.first?.baseline ?? ""
    func means(_ cells: [RecipeCell]) -> [Double] {
      detail.items.indices.map { item in cells.map { ($0.values[measure] ?? [])[item] }.mean }
    }
    guard let base = detail.cells.first(where: { $0.arm == baseline }) else { return [] }
    let baseMeans = means(base.seeds)
    return detail.cells.filter { $0.arm != baseline }.map { arm, seeds in
      let comparison = detail.result.comparisons.first { $0.arm == arm && $0.measure == measure }
      // Gains point upwards, also where lower is better.
      let sign = comparison.map { $0.gain == $0.difference } ?? true ? 1.0 : -1
      let values = zip(detail.items, zip(means(seeds), baseMeans)).map { ($0, sign * ($1.0 - $1.1)) }
      return DifferenceChart(
        title: "gain of \(arm) over \(baseline)", differences: values, noun: detail.result.itemNoun).svg
    }
  }

  private static func heading(_ experiment: RecipeResult.Experiment) -> String {
    let seeds = experiment.seeds == 1 ? "1 seed" : "\(experiment.seeds) seeds"
    return "\(experiment.place): \(experiment.items) \(experiment.itemNoun), \(seeds)"
  }

  private static func header(_ experiment: RecipeResult.Experiment) -> [String] {
    let start = experiment.study == nil ? ["arm", "m", "dev"] : ["arm"]
    return start + experiment.arms[0].figures.flatMap { [$0.measure, "difference", "%", "95 % interval", "p", "p seeds"] }
  }

  private static func rows(_ experiment: RecipeResult.Experiment) -> [[String]] {
    experiment.arms.map { arm in
      let name = arm.name + (arm.curriculum.map { $0 == arm.name ? "" : " (\($0))" } ?? "")
      let training = [arm.curriculumEnd ?? "-", arm.development.map { NumberText.fixed($0, 4) } ?? "-"]
      return [name] + (experiment.study == nil ? training : []) + arm.figures.flatMap { figure -> [String] in
        let mean = NumberText.fixed(figure.mean, 4)
        guard let comparison = experiment.comparisons.first(where: { $0.arm == arm.name && $0.measure == figure.measure })
        else { return [mean, "", "", "", "", ""] }
        return [
          mean, NumberText.signed(comparison.difference, 4), comparison.relativePercent.map { NumberText.signed($0, 1) } ?? "-",
          "[" + comparison.interval.map { NumberText.signed($0, 4) }.joined(separator: ", ") + "]",
          NumberText.p(comparison.correctedP), NumberText.p(comparison.seedsP),
        ]
      }
    }
  }

  /// What the figures say, in plain words.
  static func sentence(_ experiment: RecipeResult.Experiment) -> String {
    guard let judged = experiment.judged else { return "No arm that the claim is about was run." }
    let measure = experiment.claimMeasure
    let size = judged.relativePercent.map { NumberText.fixed(abs($0), 1) + " %" } ?? NumberText.fixed(abs(judged.difference), 4)
    let claimed = experiment.arms.count { $0.isClaimed }
    let direction = judged.difference > 0 ? "higher" : "lower"
    let change = judged.difference == 0 ? "the same as" : "\(size) \(direction) than"
    var text = claimed > 1 ? "Among the \(claimed) claimed arms '\(judged.arm)' did best on development data. " : ""
    text += "The \(measure) of '\(judged.arm)' is \(change) that of '\(judged.baseline)'"
    if judged.difference != 0 { text += judged.gain > 0 ? ", which is better " : ", which is worse " } else { text += " " }
    func p(_ value: Double) -> String { value < 0.0001 ? "p < 0.0001" : "p = \(NumberText.p(value))" }
    text += "(\(p(judged.correctedP)) over \(experiment.itemNoun), "
    text += experiment.seeds > 1 ? "\(p(judged.seedsP)) over seeds): " : "one seed says nothing about seeds): "
    switch experiment.conclusion {
    case .shown: text += "the claim is shown here. "
    case .insideTheNoise:
      let open = judged.correctedP >= Verdict.level ? "other \(experiment.itemNoun)" : "other seeds"
      text += "the direction is as claimed, but \(open) might not show it. "
    case .notShown: text += "the claim is not shown at this size. "
    }
    let others = experiment.comparisons.filter { $0.measure == measure && $0.arm != judged.arm }
    let better = others.filter { $0.gain > judged.gain }.map { "'\($0.arm)'" }
    if !better.isEmpty {
      text += "Better on the test data \(better.count == 1 ? "was" : "were") \(better.joined(separator: ", ")). "
    }
    return String(text.dropLast())
  }
}

extension RecipeResult {
  /// One row an experiment for tables of many systems: experiment, what was obtained, its interval, the verdict.
  public var rows: [[String]] {
    experiments.map { experiment in
      let (verdict, claim) = (experiment.conclusion.rawValue, experiment.claim)
      guard let judged = experiment.judged else { return [experiment.place, "-", "-", verdict, claim] }
      let percent = judged.relativePercent.map { " (\(NumberText.signed($0, 1)) %)" } ?? ""
      let obtained = "\(experiment.claimMeasure) \(NumberText.signed(judged.difference, 4))\(percent)"
      let interval = judged.interval.map { NumberText.signed($0, 4) }.joined(separator: ", ")
      return [experiment.place, obtained, "[\(interval)]", verdict, claim]
    }
  }

  /// Which experiments show their claim, which go its way, and which do not.
  public var summary: String {
    let parts = Verdict.allCases.compactMap { verdict -> String? in
      let places = experiments.filter { $0.conclusion == verdict }.map(\.place)
      guard !places.isEmpty else { return nil }
      let list = places.joined(separator: ", ")
      switch verdict {
      case .shown: return "Shown: \(list)."
      case .insideTheNoise: return "As claimed, but inside the noise: \(list)."
      case .notShown: return "Not shown: \(list)."
      }
    }
    return parts.joined(separator: " ")
  }
}

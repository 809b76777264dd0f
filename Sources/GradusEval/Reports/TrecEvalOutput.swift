/// Prints evaluations as trec_eval 10 does: `measure<TAB>qid<TAB>value`, the name padded to 22 characters.
///
///     print(TrecEvalOutput.text(evaluation, perQuery: true), terminator: "")
public enum TrecEvalOutput {
  /// - Parameters:
  ///   - perQuery: `-q`: first a block for each query, without geometric means and `num_q`.
  ///   - names: Names of trec_eval where it has the measure, or always those of ir_measures.
  public static func text(_ evaluation: Evaluation, perQuery: Bool = false, names: Names = .trecEval) -> String {
    var output = ""
    let labels = evaluation.measures.map { (names == .trecEval ? $0.trecEvalName : nil) ?? $0.description }
    func line(_ label: String, _ qid: String, _ value: String) { output += "\(label.padded(22))\t\(qid)\t\(value)\n" }
    func number(_ value: Double, _ measure: any Measure) -> String {
      measure is CountMeasure ? fixed(value, 0) : fixed(value, 4)
    }
    if perQuery {
      for (query, qid) in evaluation.qids.enumerated() {
        for (index, specification) in evaluation.measures.enumerated() where isPrintedPerQuery(specification.measure) {
          line(labels[index], qid, number(evaluation.values[index][query], specification.measure))
        }
      }
    }
    line("runid", "all", evaluation.runName)
    for (index, value) in evaluation.aggregates.enumerated() {
      line(labels[index], "all", number(value, evaluation.measures[index].measure))
    }
    return output
  }

  /// How measures are called: `ndcg_cut_10` or `nDCG@10`.
  public enum Names: Sendable { case trecEval, irMeasures }

  private static func isPrintedPerQuery(_ measure: any Measure) -> Bool {
    if measure.aggregation == .geometricMean { return false }
    if let count = measure as? CountMeasure, count.kind == .queries { return false }
    return true
  }
}

/// One run of an arm with one seed and what it reached: kept in a file, so that an interrupted recipe goes on.
struct RecipeCell: Sendable, Equatable, Codable {
  /// Of settings, data, test protocol and program: a file with another one is not used.
  let digest: String
  /// The best figure on development data; nil for a study that has none.
  let development: Double?
  /// By measure, in the order of the items; empty for a training that only chose the curriculum's end.
  let values: [String: [Double]]
  /// What the values of a study are of; nil for trainings, whose items are the test queries.
  var items: [String]?
  let curves: [StudyCurve]
}

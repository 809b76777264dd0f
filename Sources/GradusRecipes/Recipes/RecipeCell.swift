/// One training of a recipe with what its model reached: kept in a file, so that an interrupted recipe goes on.
struct RecipeCell: Sendable, Equatable, Codable {
  /// Of settings, data, test protocol and program: a file with another one is not used.
  let digest: String
  let bestDevelopment: Double
  let bestEpoch: Int
  /// Without its times.
  let epochs: [TrainingHistory.Epoch]
  /// By measure, in the order of the test queries; empty for a training that only chose the curriculum's end.
  let values: [String: [Double]]
}

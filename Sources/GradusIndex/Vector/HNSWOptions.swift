/// Parameters of a hierarchical navigable small world graph, under the names of its paper (Malkov and Yashunin, TPAMI 2020).
public struct HNSWOptions: Sendable, Hashable, Codable {
  /// Links of a vector on the upper levels; twice as many on the lowest. 2 ... 256.
  public var M: Int
  /// Candidates that are looked at to choose a new vector's links; at least `M`.
  public var efConstruction: Int
  /// Of the vectors' levels.
  public var seed: UInt64
  /// What the graph is walked on; the best candidates are scored again on what the index stores. int8 makes walks two to three
  /// times faster and changes the recall by some thousandths.
  public var traversal: VectorEncoding

  public init(M: Int = 16, efConstruction: Int = 200, seed: UInt64 = 1, traversal: VectorEncoding = .int8) {
    self.M = M
    self.efConstruction = efConstruction
    self.seed = seed
    self.traversal = traversal
  }

  /// - Throws: ``VectorIndexError/invalidOption(_:)``.
  func validate() throws {
    guard (2...256).contains(M) else { throw VectorIndexError.invalidOption("M must be between 2 and 256, found \(M)") }
    guard (M...1 << 16).contains(efConstruction) else {
      throw VectorIndexError.invalidOption("efConstruction must be between M (\(M)) and 65536, found \(efConstruction)")
    }
  }
}

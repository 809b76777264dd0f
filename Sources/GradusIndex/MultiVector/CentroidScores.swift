/// The inner products of a query's tokens with all centroids.
struct CentroidScores {
  let tokens: Int
  let count: Int
  /// Tokens, and the lanes beyond the last that a whole number of panels has.
  let lanes: Int
  /// `[count][lanes]`
  private let values: [Float]

  /// - Parameter centroids: `[count * dimension]`.
  init(_ query: TokenPanels, centroids: [Float], count: Int) {
    tokens = query.tokens
    self.count = count
    let lanes = query.panels * TokenPanels.width
    self.lanes = lanes
    values = [Float](unsafeUninitializedCapacity: count * lanes) { out, used in
      centroids.withUnsafeBufferPointer { centroids in
        guard let rows = centroids.baseAddress, let to = out.baseAddress else { return }
        let width = TokenPanels.width
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.block * width) { products in
          guard let part = products.baseAddress else { return }
          for start in stride(from: 0, to: count, by: Self.block) {
            let size = min(Self.block, count - start)
            for panel in 0..<query.panels {
              query.products(panel: panel, rows: rows + start * query.dimension, count: size, into: part)
              for row in 0..<size { (to + (start + row) * lanes + panel * width).update(from: part + row * width, count: width) }
            }
          }
        }
      }
      used = count * lanes
    }
  }

  private static let block = 64

  /// The `probes` nearest centroids of each token, best first, the first among equals.
  func best(_ probes: Int) -> [[Int]] {
    var held = [[(score: Float, centroid: Int)]](repeating: [], count: tokens)
    // What a score must beat to be held; in lanes, so that most centroids are passed over 16 tokens at once. Lanes without a
    // token are never beaten.
    var least = (0..<lanes).map { $0 < tokens ? -Float.infinity : .infinity }
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      for centroid in 0..<count {
        let row = base + centroid * lanes
        for first in stride(from: 0, to: lanes, by: PanelHalf.scalarCount) {
          let isBetter = least.withUnsafeBufferPointer { (row + first).panelHalf .> ($0.baseAddress! + first).panelHalf }
          guard any(isBetter) else { continue }
          for token in first..<min(tokens, first + PanelHalf.scalarCount) where row[token] > least[token] {
            var place = held[token].count
            while place > 0, held[token][place - 1].score < row[token] { place -= 1 }
            held[token].insert((row[token], centroid), at: place)
            if held[token].count > probes { held[token].removeLast() }
            if held[token].count == probes { least[token] = held[token][probes - 1].score }
          }
        }
      }
    }
    return held.map { $0.map(\.centroid) }
  }

  /// Whether any token's product with a centroid reaches the threshold; all do where there is none.
  func isAbove(_ threshold: Double?) -> [Bool] {
    guard let threshold else { return [Bool](repeating: true, count: count) }
    return values.withUnsafeBufferPointer { values in
      (0..<count).map { centroid in
        values[centroid * lanes..<centroid * lanes + tokens].contains { Double($0) >= threshold }
      }
    }
  }

  /// Raises each lane to its product with a centroid.
  @inline(__always)
  func raise(_ best: inout [Float], by centroid: Int) {
    best.withUnsafeMutableBytes { best in
      values.withUnsafeBytes { values in
        for first in stride(from: 0, to: 4 * lanes, by: MemoryLayout<PanelHalf>.stride) {
          let product = values.loadUnaligned(fromByteOffset: 4 * centroid * lanes + first, as: PanelHalf.self)
          let before = best.loadUnaligned(fromByteOffset: first, as: PanelHalf.self)
          best.storeBytes(of: before.replacing(with: product, where: product .> before), toByteOffset: first, as: PanelHalf.self)
        }
      }
    }
  }
}

import GradusCore

/// k-means of unit vectors by inner product (spherical k-means: Dhillon and Modha, 2001): Lloyd's rounds from a seeded sample.
///
/// The same bits for any number of threads: each vector chooses alone, and sums go over the vectors in their order.
struct KMeans: Sendable {
  let dimension: Int
  /// `[count][dimension]`, unit length.
  private(set) var centroids: [Float]
  let count: Int

  /// - Parameter vectors: `[vectors][dimension]` of unit length; at least one.
  init(of vectors: UnsafeBufferPointer<Float>, dimension: Int, count: Int, iterations: Int, seed: UInt64) {
    self.dimension = dimension
    let total = vectors.count / dimension
    self.count = min(count, total)
    var generator = SeededGenerator(seed: seed).stream("k-means")
    centroids = [Float](repeating: 0, count: self.count * dimension)
    // Distinct vectors, by the first steps of a shuffle.
    var order = Array(0..<total)
    for place in 0..<self.count {
      order.swapAt(place, place + generator.integer(below: total - place))
      set(place, to: (0..<dimension).map { Double(vectors[order[place] * dimension + $0]) }[...])
    }
    for _ in 0..<iterations {
      let nearest = self.nearest(of: vectors)
      var sums = [Double](repeating: 0, count: self.count * dimension)
      for (number, centroid) in nearest.enumerated() {
        let from = number * dimension, to = Int(centroid) * dimension
        for place in 0..<dimension { sums[to + place] += Double(vectors[from + place]) }
      }
      // A centroid that nobody chose, or whose vectors cancel out, stays where it is.
      for centroid in 0..<self.count { set(centroid, to: sums[centroid * dimension..<(centroid + 1) * dimension]) }
    }
  }

  /// Centroids that were found before, `[count][dimension]`.
  init(centroids: [Float], dimension: Int) {
    self.centroids = centroids
    self.dimension = dimension
    count = centroids.count / dimension
  }

  private mutating func set(_ centroid: Int, to sum: ArraySlice<Double>) {
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length > 1e-12 else { return }
    for (place, value) in sum.enumerated() { centroids[centroid * dimension + place] = Float(value / length) }
  }

  /// The centroid with the largest inner product of each vector, the first among equals.
  func nearest(of vectors: UnsafeBufferPointer<Float>) -> [UInt32] {
    let total = vectors.count / dimension
    var result = [UInt32](repeating: 0, count: total)
    guard count > 0 else { return result }
    result.withUnsafeMutableBufferPointer { result in
      centroids.withUnsafeBufferPointer { centroids in
        nonisolated(unsafe) let result = result
        nonisolated(unsafe) let centroids = centroids
        nonisolated(unsafe) let vectors = vectors
        WorkerPool.shared.forEachRange(count: total, grain: 8 * TokenPanels.width) { range in
          let part = UnsafeBufferPointer(
            rebasing: vectors[range.lowerBound * dimension..<range.upperBound * dimension])
          var search = NearestCentroids(TokenPanels(part, dimension: dimension))
          search.compare(with: centroids, count: count)
          for (place, number) in range.enumerated() { result[number] = search.nearest[place] }
        }
      }
    }
    return result
  }

  /// The numbers of a centroid.
  func centroid(_ number: Int) -> ArraySlice<Float> { centroids[number * dimension..<(number + 1) * dimension] }
}

/// The nearest centroid of some tokens, found in blocks of centroids that stay in the cache while all tokens meet them.
private struct NearestCentroids {
  let tokens: TokenPanels
  /// By token, with the lanes beyond the last.
  private(set) var nearest: [UInt32]
  private var best: [Float]

  private static let block = 64

  init(_ tokens: TokenPanels) {
    self.tokens = tokens
    nearest = [UInt32](repeating: 0, count: tokens.panels * TokenPanels.width)
    best = [Float](repeating: -.infinity, count: nearest.count)
  }

  mutating func compare(with centroids: UnsafeBufferPointer<Float>, count: Int) {
    guard let first = centroids.baseAddress else { return }
    let width = TokenPanels.width
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.block * width) { products in
      guard let out = products.baseAddress else { return }
      for start in stride(from: 0, to: count, by: Self.block) {
        let rows = min(Self.block, count - start)
        for panel in 0..<tokens.panels {
          tokens.products(panel: panel, rows: first + start * tokens.dimension, count: rows, into: out)
          for half in 0..<2 { take(UnsafePointer(out) + 16 * half, rows, from: start, at: panel * width + 16 * half) }
        }
      }
    }
  }

  /// The better of what 16 tokens have and of some rows' products.
  private mutating func take(_ products: UnsafePointer<Float>, _ rows: Int, from start: Int, at lane: Int) {
    best.withUnsafeMutableBytes { best in
      nearest.withUnsafeMutableBytes { nearest in
        var held = best.loadUnaligned(fromByteOffset: 4 * lane, as: PanelHalf.self)
        var numbers = nearest.loadUnaligned(fromByteOffset: 4 * lane, as: SIMD16<UInt32>.self)
        for row in 0..<rows {
          let scores = (products + row * TokenPanels.width).panelHalf
          let isBetter = scores .> held
          held.replace(with: scores, where: isBetter)
          numbers.replace(with: SIMD16(repeating: UInt32(start + row)), where: isBetter)
        }
        best.storeBytes(of: held, toByteOffset: 4 * lane, as: PanelHalf.self)
        nearest.storeBytes(of: numbers, toByteOffset: 4 * lane, as: SIMD16<UInt32>.self)
      }
    }
  }
}

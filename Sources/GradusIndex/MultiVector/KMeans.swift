import CGradusKernels
import GradusCore

/// k-means of unit vectors by inner product (spherical k-means: Dhillon and Modha, 2001): Lloyd's rounds from a seeded sample.
///
/// The same bits for any number of threads: each vector chooses alone, and sums go over the vectors in their order.
struct KMeans {
  let dimension: Int
  /// `[count][elements]`, unit length, padded with zeros.
  private(set) var centroids: [Float]
  let count: Int
  private let elements: Int

  /// - Parameter vectors: `[vectors][dimension]` of unit length; at least one.
  init(of vectors: UnsafeBufferPointer<Float>, dimension: Int, count: Int, iterations: Int, seed: UInt64) {
    self.dimension = dimension
    elements = VectorEncoding.float32.bytes(dimension: dimension) / 4
    let total = vectors.count / dimension
    self.count = min(count, total)
    var generator = SeededGenerator(seed: seed).stream("k-means")
    centroids = [Float](repeating: 0, count: self.count * elements)
    // Distinct vectors, by the first steps of a shuffle.
    var order = Array(0..<total)
    for place in 0..<self.count {
      order.swapAt(place, place + generator.integer(below: total - place))
      set(place, to: (0..<dimension).map { Double(vectors[order[place] * dimension + $0]) })
    }
    for _ in 0..<iterations {
      let nearest = self.nearest(of: vectors)
      var sums = [Double](repeating: 0, count: self.count * dimension)
      for (number, centroid) in nearest.enumerated() {
        let from = number * dimension, to = Int(centroid) * dimension
        for place in 0..<dimension { sums[to + place] += Double(vectors[from + place]) }
      }
      // A centroid that nobody chose, or whose vectors cancel out, stays where it is.
      for centroid in 0..<self.count { set(centroid, to: Array(sums[centroid * dimension..<(centroid + 1) * dimension])) }
    }
  }

  private mutating func set(_ centroid: Int, to sum: [Double]) {
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length > 1e-12 else { return }
    for (place, value) in sum.enumerated() { centroids[centroid * elements + place] = Float(value / length) }
  }

  /// The centroid with the largest inner product of each vector, the first among equals.
  func nearest(of vectors: UnsafeBufferPointer<Float>) -> [UInt32] {
    let total = vectors.count / dimension
    var result = [UInt32](repeating: 0, count: total)
    result.withUnsafeMutableBufferPointer { result in
      centroids.withUnsafeBytes { codes in
        nonisolated(unsafe) let result = result
        nonisolated(unsafe) let codes = codes
        nonisolated(unsafe) let vectors = vectors
        WorkerPool.shared.forEachRange(count: total, grain: 64) { range in
          var rows = grd_vector_rows(
            encoding: GRD_VECTOR_FLOAT32, measure: GRD_VECTOR_DOT, count: count, stride: 4 * elements,
            codes: codes.baseAddress?.assumingMemoryBound(to: UInt8.self), scales: nil, norms: nil)
          var query = [Float](repeating: 0, count: elements)
          var scores = [Float](repeating: 0, count: count)
          for number in range {
            for place in 0..<dimension { query[place] = vectors[number * dimension + place] }
            grd_vector_scores(&rows, query, nil, 0, count, &scores)
            var best = 0
            for centroid in 1..<max(1, count) where scores[centroid] > scores[best] { best = centroid }
            result[number] = UInt32(best)
          }
        }
      }
    }
    return result
  }

  /// A centroid without its padding.
  func centroid(_ number: Int) -> ArraySlice<Float> { centroids[number * elements..<number * elements + dimension] }
}

import CGradusKernels

/// Token vectors packed in panels of 32, each token a lane: what is compared with many rows at once.
struct TokenPanels: Sendable {
  static let width = Int(GRD_MAXSIM_PANEL)

  let tokens: Int
  let dimension: Int
  let panels: Int
  private let values: [Float]

  /// - Parameter tokens: `[tokens * dimension]`.
  init(_ tokens: UnsafeBufferPointer<Float>, dimension: Int) {
    let count = dimension > 0 ? tokens.count / dimension : 0
    let panels = (count + Self.width - 1) / Self.width
    self.tokens = count
    self.dimension = dimension
    self.panels = panels
    values = [Float](unsafeUninitializedCapacity: panels * Self.width * dimension) { buffer, used in
      grd_maxsim_pack(tokens.baseAddress, count, dimension, buffer.baseAddress)
      used = buffer.count
    }
  }

  /// Writes the inner products of a panel's tokens with `count` rows of `dimension` numbers: `[count][32]`, 0 in the lanes beyond
  /// the last token.
  func products(panel: Int, rows: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>) {
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      grd_maxsim_products(base + panel * dimension * Self.width, dimension, rows, count, out)
    }
  }

  func withQuery<Result>(_ body: (inout grd_maxsim_query) throws -> Result) rethrows -> Result {
    try values.withUnsafeBufferPointer { values in
      var query = grd_maxsim_query(tokens: tokens, dimension: dimension, panels: values.baseAddress)
      return try body(&query)
    }
  }
}

/// The lanes of half a panel.
typealias PanelHalf = SIMD16<Float>

extension UnsafePointer<Float> {
  /// Half a panel's lanes from here on; any alignment.
  @inline(__always)
  var panelHalf: PanelHalf { UnsafeRawPointer(self).loadUnaligned(as: PanelHalf.self) }
}

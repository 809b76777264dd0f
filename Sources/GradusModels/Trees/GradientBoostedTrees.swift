import GradusCore
import GradusFormats

/// Gradient-boosted regression trees that rank rows of features: LambdaMART (Burges, 2010), grown by XGBoost.
///
///     let trees = try GradientBoostedTrees(training: data, options: .init(trees: 100))
///     let run = test.run(name: "lambdamart", scores: try trees.scores(test))
///
/// Equal data, options and version of XGBoost give equal bits. XGBoost's own objective draws pairs from streams that belong to
/// threads, so trees are grown by one thread unless ``Options/threads`` says otherwise; results then depend on the number.
/// ``Objective/lambdaRank`` draws nothing.
public final class GradientBoostedTrees: Sendable {
  /// What each tree steps down.
  public enum Objective: String, Sendable, CaseIterable, Codable {
    /// XGBoost's LambdaRank: with version 1.7 a random pair a document and tree.
    case rankNDCG = "rank:ndcg"
    /// RankNet's loss over random pairs, by XGBoost.
    case rankPairwise = "rank:pairwise"
    /// Gradients of this toolkit: all pairs of different grades, weighted by the change of nDCG (``LambdaGradients``).
    case lambdaRank = "lambdarank"
  }

  /// XGBoost's settings.
  public struct Options: Sendable, Equatable, Codable {
    public var objective = Objective.lambdaRank
    public var trees = 100
    /// Shrinkage of each tree, XGBoost's eta.
    public var learningRate = 0.1
    /// Leaves of a tree, which is grown best leaf first; 0 grows level by level to ``depth``.
    public var leaves = 31
    /// Levels of a tree; 0 for no limit where ``leaves`` sets one.
    public var depth = 0
    /// Smallest sum of second derivatives in a leaf.
    public var minimumChildWeight = 1.0
    /// Smallest gain of a split.
    public var minimumGain = 0.0
    /// L2 penalty on leaves.
    public var lambda = 1.0
    /// Share of the rows that a tree sees.
    public var rowShare = 1.0
    /// Share of the features that a tree sees.
    public var featureShare = 1.0
    /// Bins of a feature.
    public var bins = 256
    public var threads = 1
    public var seed: UInt64 = 1

    public init() {}

    public init(trees: Int) { self.trees = trees }

    /// - Throws: ``XGBoostError/setting(name:found:expected:)``.
    public func check() throws(XGBoostError) {
      func need(_ isMet: Bool, _ name: String, _ found: some Sendable, _ expected: String) throws(XGBoostError) {
        guard isMet else { throw .setting(name: name, found: "\(found)", expected: expected) }
      }
      try need((1...100_000).contains(trees), "the number of trees", trees, "1 to 100000")
      try need(learningRate > 0 && learningRate <= 1, "the learning rate of trees", learningRate, "a number above 0, at most 1")
      try need(leaves == 0 || (2...65_536).contains(leaves), "the number of leaves", leaves, "0 or 2 to 65536")
      try need((0...64).contains(depth), "the depth of trees", depth, "0 to 64")
      try need(leaves > 0 || depth > 0, "the depth of trees", depth, "a limit here or on the leaves")
      try need(
        minimumChildWeight >= 0 && minimumChildWeight.isFinite, "the smallest weight of a leaf", minimumChildWeight, "0 or more")
      try need(minimumGain >= 0 && minimumGain.isFinite, "the smallest gain of a split", minimumGain, "0 or more")
      try need(lambda >= 0 && lambda.isFinite, "lambda of trees", lambda, "0 or more")
      try need(rowShare > 0 && rowShare <= 1, "the share of rows", rowShare, "a number above 0, at most 1")
      try need(featureShare > 0 && featureShare <= 1, "the share of features", featureShare, "a number above 0, at most 1")
      try need((2...65_536).contains(bins), "the number of bins", bins, "2 to 65536")
      try need((1...4096).contains(threads), "the number of threads", threads, "1 to 4096")
    }

    /// As XGBoost names them.
    fileprivate var parameters: [(String, String)] {
      // The seed is a 32-bit number there.
      var all = [
        ("verbosity", "0"), ("booster", "gbtree"), ("tree_method", "hist"), ("eta", "\(learningRate)"),
        ("max_depth", "\(depth)"), ("max_leaves", "\(leaves)"), ("grow_policy", leaves > 0 ? "lossguide" : "depthwise"),
        ("min_child_weight", "\(minimumChildWeight)"), ("gamma", "\(minimumGain)"), ("lambda", "\(lambda)"),
        ("subsample", "\(rowShare)"), ("colsample_bytree", "\(featureShare)"), ("max_bin", "\(bins)"),
        ("nthread", "\(threads)"), ("seed", "\(seed % (1 << 31))"), ("disable_default_eval_metric", "1"),
      ]
      // Where gradients come from outside, the objective only says how scores leave the trees: as they are.
      all.append(("objective", objective == .lambdaRank ? "reg:squarederror" : objective.rawValue))
      if objective == .lambdaRank { all.append(("base_score", "0")) }
      return all
    }
  }

  public let features: Int
  public let trees: Int
  private let booster: Booster

  /// Grows trees.
  ///
  /// - Parameters:
  ///   - training: Queries without two grades teach nothing and do no harm.
  ///   - heldOut: Development queries, of the same width: the number of trees at which `value` is largest is kept.
  ///   - value: Of the scores of the held-out rows.
  ///   - patience: Trees without a better value after which growing ends.
  ///   - onTree: Told the number of trees and, where there are held-out rows, their value.
  /// - Throws: ``XGBoostError``; what `value` and `onTree` throw.
  public init(
    training: FeatureData, options: Options = Options(), heldOut: FeatureData? = nil, patience: Int = .max,
    value: ([Double]) throws -> Double = { _ in 0 }, onTree: (_ trees: Int, _ value: Double?) throws -> Void = { _, _ in }
  ) throws {
    try options.check()
    let library = try XGBoostLibrary.shared.get()
    guard training.groups.contains(where: { Set(training.grades[$0.rows]).count > 1 }) else { throw XGBoostError.nothingToLearn }
    for group in training.groups {
      for row in group.rows where training.grades[row] > 31 {
        throw XGBoostError.grade(qid: group.qid, docno: training.docnos[row], grade: training.grades[row])
      }
    }
    let matrix = try Matrix(training, library: library)
    let booster = try Booster(library: library, matrices: [matrix])
    for (name, value) in options.parameters { try booster.set(name, value) }
    let held = try heldOut.map { data in
      guard data.width == training.width else { throw XGBoostError.features(expected: training.width, found: data.width) }
      return try Matrix(data, library: library)
    }
    var best: (trees: Int, value: Double)?
    for tree in 0..<options.trees {
      try Task.checkCancellation()
      if options.objective == .lambdaRank {
        let count = training.rowCount
        let scores = tree == 0 ? [Double](repeating: 0, count: count) : try booster.scores(matrix, count: count)
        var gradients = LambdaGradients(training, scores: scores)
        try booster.boost(matrix, &gradients)
      } else {
        try booster.update(matrix, round: tree)
      }
      guard let held, let heldOut else {
        try onTree(tree + 1, nil)
        continue
      }
      let found = try value(try booster.scores(held, count: heldOut.rowCount))
      if best.map({ found > $0.value }) ?? true { best = (tree + 1, found) }
      try onTree(tree + 1, found)
      if let best, tree + 1 - best.trees >= patience { break }
    }
    let kept = best?.trees ?? options.trees
    self.booster = try best == nil ? booster : booster.prefix(kept)
    features = training.width
    trees = kept
  }

  /// Trees that ``encoded()`` gave.
  ///
  /// - Throws: ``XGBoostError``.
  public init(decoding bytes: [UInt8], features: Int, threads: Int = 1) throws {
    let library = try XGBoostLibrary.shared.get()
    booster = try Booster(library: library, matrices: [])
    try booster.set("verbosity", "0")
    try booster.set("nthread", "\(threads)")
    try booster.decode(bytes)
    let found = try booster.featureCount()
    guard found == features else { throw XGBoostError.features(expected: features, found: found) }
    self.features = features
    trees = try booster.roundCount()
  }

  /// XGBoost's own JSON, which its other interfaces read, too.
  public func encoded() throws -> [UInt8] { try booster.encode() }

  /// One score a row; higher is better. A row's score does not depend on the others.
  ///
  /// - Throws: ``XGBoostError/features(expected:found:)``.
  public func scores(_ data: FeatureData) throws -> [Double] {
    guard data.width == features else { throw XGBoostError.features(expected: features, found: data.width) }
    return try booster.scores(try Matrix(data, library: booster.library), count: data.rowCount)
  }

  // MARK: - XGBoost's objects

  /// Rows in XGBoost's memory.
  private final class Matrix {
    let library: XGBoostLibrary
    let handle: XGBoostLibrary.Handle?

    init(_ data: FeatureData, library: XGBoostLibrary) throws(XGBoostError) {
      self.library = library
      var handle: XGBoostLibrary.Handle?
      // Absent features are zeros here; nothing is NaN, so nothing counts as missing.
      try library.check(
        data.features.withUnsafeBufferPointer {
          library.createMatrix($0.baseAddress, UInt64(data.rowCount), UInt64(data.width), .nan, &handle)
        })
      self.handle = handle
      let labels = data.grades.map { Float($0) }
      try library.check(labels.withUnsafeBufferPointer { library.setFloats(handle, "label", $0.baseAddress, UInt64($0.count)) })
      let sizes = data.groups.map { UInt32($0.rows.count) }
      try library.check(sizes.withUnsafeBufferPointer { library.setUnsigned(handle, "group", $0.baseAddress, UInt64($0.count)) })
    }

    deinit { _ = library.freeMatrix(handle) }
  }

  /// An ensemble in XGBoost's memory.
  ///
  /// `@unchecked`: the handle is used by one caller at a time while trees are grown, inside the initialiser; afterwards it is
  /// read behind the lock alone.
  private final class Booster: @unchecked Sendable {
    let library: XGBoostLibrary
    private let handle: XGBoostLibrary.Handle?
    private let lock = Guarded(())

    init(library: XGBoostLibrary, matrices: [Matrix]) throws(XGBoostError) {
      self.library = library
      var handle: XGBoostLibrary.Handle?
      let handles = matrices.map(\.handle)
      try library.check(
        handles.withUnsafeBufferPointer { library.createBooster($0.baseAddress, UInt64($0.count), &handle) })
      self.handle = handle
    }

    private init(library: XGBoostLibrary, handle: XGBoostLibrary.Handle?) {
      self.library = library
      self.handle = handle
    }

    deinit { _ = library.freeBooster(handle) }

    func set(_ name: String, _ value: String) throws(XGBoostError) {
      try library.check(library.setParameter(handle, name, value))
    }

    func update(_ matrix: Matrix, round: Int) throws(XGBoostError) {
      try library.check(library.update(handle, Int32(round), matrix.handle))
    }

    func boost(_ matrix: Matrix, _ gradients: inout LambdaGradients) throws(XGBoostError) {
      let count = UInt64(gradients.first.count)
      try library.check(library.boost(handle, matrix.handle, &gradients.first, &gradients.second, count))
    }

    func scores(_ matrix: Matrix, count: Int) throws -> [Double] {
      try lock.withLock { _ in
        var length: UInt64 = 0
        var values: UnsafePointer<Float>?
        // 1: sums of leaves, without the objective's transformation; 0: all trees.
        try library.check(library.predict(handle, matrix.handle, 1, 0, 0, &length, &values))
        guard Int(length) == count else { throw XGBoostError.failed("\(length) scores for \(count) rows") }
        return UnsafeBufferPointer(start: values, count: count).map(Double.init)
      }
    }

    /// The first trees alone.
    func prefix(_ trees: Int) throws(XGBoostError) -> Booster {
      var part: XGBoostLibrary.Handle?
      try library.check(library.slice(handle, 0, Int32(trees), 1, &part))
      return Booster(library: library, handle: part)
    }

    func roundCount() throws(XGBoostError) -> Int {
      var count: Int32 = 0
      try library.check(library.rounds(handle, &count))
      return Int(count)
    }

    func featureCount() throws(XGBoostError) -> Int {
      var count: UInt64 = 0
      try library.check(library.features(handle, &count))
      return Int(count)
    }

    func encode() throws -> [UInt8] {
      try lock.withLock { _ in
        var length: UInt64 = 0
        var bytes: XGBoostLibrary.Text?
        try library.check(library.save(handle, "{\"format\": \"json\"}", &length, &bytes))
        return UnsafeRawBufferPointer(start: bytes, count: Int(length)).map { $0 }
      }
    }

    func decode(_ bytes: [UInt8]) throws(XGBoostError) {
      try library.check(bytes.withUnsafeBytes { library.load(handle, $0.baseAddress, UInt64($0.count)) })
    }
  }
}

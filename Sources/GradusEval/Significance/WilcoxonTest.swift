/// Wilcoxon's signed-rank test on differences that are not 0.
enum WilcoxonTest {
  static let exactLimit = 50

  /// The smaller of the two rank sums, and the two-sided p value.
  static func test(_ differences: [Double]) -> (statistic: Double, p: Double) {
    let count = differences.count
    // Ranks are doubled, so that shared ranks stay whole numbers.
    let (doubledRanks, tieTerm) = ranks(differences.map { abs($0) })
    var positive = 0
    for (difference, rank) in zip(differences, doubledRanks) where difference > 0 { positive += rank }
    let total = count * (count + 1)
    let smaller = min(positive, total - positive)
    let statistic = Double(smaller) / 2
    if count <= exactLimit { return (statistic, exactP(doubledRanks, smaller: smaller)) }
    let n = Double(count)
    let mean = n * (n + 1) / 4
    let deviation = ((n * (n + 1) * (2 * n + 1) - tieTerm / 2) / 24).squareRoot()
    return (statistic, min(1, 2 * SpecialFunctions.normalCDF((statistic - mean) / deviation)))
  }

  private static func ranks(_ sizes: [Double]) -> (doubled: [Int], tieTerm: Double) {
    let order = sizes.indices.sorted { sizes[$0] < sizes[$1] }
    var doubled = [Int](repeating: 0, count: sizes.count)
    var tieTerm = 0.0
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count, sizes[order[end + 1]] == sizes[order[start]] { end += 1 }
      for position in start...end { doubled[order[position]] = start + end + 2 }
      let tied = Double(end - start + 1)
      tieTerm += tied * tied * tied - tied
      start = end + 1
    }
    return (doubled, tieTerm)
  }

  /// Twice the share of sign assignments whose rank sum is at most `smaller`, counted by dynamic programming.
  private static func exactP(_ doubledRanks: [Int], smaller: Int) -> Double {
    var ways = [Double](repeating: 0, count: smaller + 1)
    ways[0] = 1
    for rank in doubledRanks where rank <= smaller {
      for sum in stride(from: smaller, through: rank, by: -1) { ways[sum] += ways[sum - rank] }
    }
    var share = ways.reduce(0, +)
    for _ in doubledRanks { share /= 2 }
    return min(1, 2 * share)
  }
}

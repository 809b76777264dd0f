import GradusCore
@testable import GradusIndex
import Testing

@Suite("Metadata filters")
struct MetadataFilterTests {
  private static let columns = [MetadataColumn("lang", .keyword), MetadataColumn("price", .number), MetadataColumn("day", .date)]

  private static let documents = [
    ["lang": "en", "price": "1.5", "day": "1999-12-31"], ["lang": "de", "price": "-2", "day": "2000-02-29"],
    ["lang": "väl ue", "price": "1.5", "day": "2000-03"], [:], ["lang": "en", "price": "1e3", "day": "2021-06-01T12:30:00Z"],
  ].enumerated().map { Document(docno: "d\($0)", text: "word", metadata: $1) }

  private func index() throws -> InvertedIndex {
    let folder = try TemporaryFolder()
    return try RandomCollection.build(Self.documents, in: folder.path("idx"), columns: Self.columns)
  }

  private func found(_ index: InvertedIndex, _ text: String) throws -> [Int] {
    let set = try index.documents(matching: MetadataFilter(parsing: text))
    #expect(set.count == Self.documents.indices.count { set.contains(DocIndex($0)) })
    return Self.documents.indices.filter { set.contains(DocIndex($0)) }
  }

  @Test("Keywords, numbers and dates, by hand")
  func byHand() throws {
    let index = try index()
    #expect(try found(index, "lang=en") == [0, 4])
    #expect(try found(index, "lang=en|de") == [0, 1, 4])
    #expect(try found(index, "lang!=en") == [1, 2])
    #expect(try found(index, "lang=\"väl ue\"") == [2])
    #expect(try found(index, "lang=none").isEmpty)
    #expect(try found(index, "price=1.5") == [0, 2])
    #expect(try found(index, "price!=1.5|-2") == [4])
    #expect(try found(index, "price<1.5") == [1])
    #expect(try found(index, "price<=1.5") == [0, 1, 2])
    #expect(try found(index, "price>1.5") == [4])
    #expect(try found(index, "price>=1.5 lang=en") == [0, 4])
    // A year, a month, a day stand for their whole length.
    #expect(try found(index, "day=2000") == [1, 2])
    #expect(try found(index, "day<2000") == [0])
    #expect(try found(index, "day<=2000") == [0, 1, 2])
    #expect(try found(index, "day>2000") == [4])
    #expect(try found(index, "day>=2000-03") == [2, 4])
    #expect(try found(index, "day=2021-06-01") == [4])
    #expect(try found(index, "day>2021-06-01T12:30:00") == [])
    #expect(try found(index, "day!=2000-02 day<2001") == [0, 2])
    let german = try index.documents(matching: MetadataFilter(parsing: "lang=de"))
    #expect(try index.search("word", k: 9, filter: german).documents.map(\.docno) == ["d1"])
  }

  @Test("Dates as seconds since 1970")
  func dates() throws {
    #expect(DateInterval("1970")?.start == 0)
    #expect(DateInterval("1970-01-01")?.end == 86_400)
    // date -u -d 2000-02-29 +%s
    #expect(DateInterval("2000-02-29")?.start == 951_782_400)
    #expect(DateInterval("2000-02")?.end == 951_868_800)
    #expect(DateInterval("2021-06-01T12:30:15Z")?.start == 1_622_550_615)
    #expect(DateInterval("1969-12-31T23:59:59")?.start == -1)
    #expect(DateInterval("0001")?.start == -62_135_596_800)
    for text in [
      "", "20", "2021-13", "2021-02-29", "2021-2", "2021-02-01T25:00", "2021-02-01T10", "2021T10:00", "x",
      "2021-04-31",
    ] {
      #expect(DateInterval(text) == nil, "\(text)")
    }
  }

  @Test("Mistakes are named")
  func mistakes() throws {
    let index = try index()
    for text in ["", "lang", "=en", "lang=", "lang~en", "lang=\"open", "price<1|2", "price<x", "day>yesterday", "lang<en"] {
      #expect(throws: IndexError.self, "\(text)") { try index.documents(matching: MetadataFilter(parsing: text)) }
    }
    #expect(throws: IndexError.notBuilt(path: index.path, what: "column 'no' (its columns: lang, price, day)")) {
      try index.documents(matching: MetadataFilter(parsing: "no=1"))
    }
    #expect(throws: IndexError.self) { try MetadataColumn.parse("year") }
    #expect(throws: IndexError.self) { try MetadataColumn.parse("year:time") }
    #expect(try MetadataColumn.parse("a:keyword,b:date") == [MetadataColumn("a", .keyword), MetadataColumn("b", .date)])
    let folder = try TemporaryFolder()
    #expect(throws: IndexError.invalidColumnValue(docno: "d0", column: "n", value: "many", expected: "a finite number")) {
      try RandomCollection.build(
        [Document(docno: "d0", text: "", metadata: ["n": "many"])], in: folder.path("idx"),
        columns: [MetadataColumn("n", .number)])
    }
    #expect(throws: IndexError.self) {
      try IndexBuilder(
        directory: folder.path("two"), analyzer: .english,
        columns: [MetadataColumn("n", .number), MetadataColumn("n", .date)])
    }
  }

  @Test("One flipped bit in positions or columns: an error, or the same answers; verify finds it")
  func damage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(Self.documents, in: path, positions: true, columns: Self.columns)
    func observe() throws -> [[String]] {
      let index = try InvertedIndex(path: path)
      return try ["lang=en", "price<=1.5", "day>=2000"].map { text in
        try index.search("word", k: 9, filter: index.documents(matching: MetadataFilter(parsing: text))).documents.map(\.docno)
      } + [try index.search(BooleanQuery(parsing: "\"word word\""), k: 9).documents.map(\.docno)]
    }
    let expected = try observe()
    for name in ["segment-1.positions", "segment-1.columns"] {
      let bytes = try TemporaryFolder.read(path + "/" + name)
      for place in bytes.indices {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(place % 8)
        try TemporaryFolder.write(damaged, path + "/" + name)
        do {
          if try observe() == expected { continue }
          #expect(throws: IndexError.self, "\(name), byte \(place)") { try InvertedIndex(path: path).verify() }
        } catch is GradusError {}
      }
      try TemporaryFolder.write(bytes, path + "/" + name)
    }
  }

  @Test("Without columns, values are compared as what they look like")
  func documents() throws {
    func fits(_ filter: String, _ metadata: [String: String]) throws -> Bool {
      try MetadataFilter(parsing: filter).matches(metadata)
    }
    let metadata = ["year": "1995", "lang": "de", "date": "2021-04-30", "score": "-0.5"]
    for filter in [
      "year=1995", "year=1995.0", "year>=1995", "year>1994", "year<1996", "year<=1995", "year!=1996", "lang=en|de", "lang!=en",
      "date=2021", "date=2021-04", "date>2020", "date>=2021-04-30", "date<=2021-04", "date<2021-05", "date!=2020", "score<0",
      "year=1995 lang=de", "score=-0.5|3",
    ] { #expect(try fits(filter, metadata), "\(filter)") }
    for filter in [
      "year=1996", "year>1995", "year<1995", "year!=1995", "lang=en", "lang!=de", "date=2020", "date>2021", "date<2021-04-30",
      "date!=2021-04", "score>0", "year=1995 lang=en", "nothing=1", "nothing!=1", "lang>5", "lang<5",
    ] { #expect(try !fits(filter, metadata), "\(filter)") }
    #expect(throws: IndexError.self) { try fits("lang>en", metadata) }
    #expect(throws: IndexError.self) { try fits("nothing<x", [:]) }
  }
}

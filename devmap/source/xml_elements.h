// SPDX-License-Identifier: Apache-2.0
// xml_elements.h - the elements that programs for device-mapper metadata print, and nothing else of
// XML.
//
// Elements with attributes in double quotes, and blanks between them. Anything else is refused as
// damaged, because what is not understood may be a change. Text comes in pieces of any size; at
// most one unfinished element of 1 KiB is kept.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "devmap/core/result.h"

namespace ebb {

// What stands between < and >; a view of the text.
struct XmlElement {
  std::string_view inside;
  bool closes = false;  // </name>
  bool empty = false;   // <name/>
  std::string_view name;
  std::map<std::string_view, std::string_view> attributes;

  static Result<XmlElement> of(std::string_view inside);
  bool opens(std::string_view which) const { return !closes && !empty && name == which; }
  bool ends(std::string_view which) const { return closes && name == which; }
  // Of an attribute that must be there and be a number.
  Result<std::uint64_t> number(std::string_view key) const;
  // As the error of whoever expected something else.
  Error not_understood() const;
};

class XmlElements {
 public:
  // `take` gets each element that is whole now, in order, and returns a Result<void>.
  template <class Take>
  Result<void> read(std::string_view piece, Take take) {
    unfinished_ += piece;
    std::string_view rest = unfinished_;
    while (const std::size_t length = TRY(whole_element(rest))) {
      const XmlElement element = TRY(XmlElement::of(rest.substr(1, length - 2)));
      TRY(take(element));
      rest.remove_prefix(length);
    }
    unfinished_ = std::string(rest);
    return {};
  }
  // No part of an element waits for its end.
  bool at_end() const { return unfinished_.empty(); }

 private:
  // Of the one that `rest` begins with, once blanks before it are gone; 0 when it is not whole yet.
  static Result<std::size_t> whole_element(std::string_view& rest);
  std::string unfinished_;
};

}  // namespace ebb

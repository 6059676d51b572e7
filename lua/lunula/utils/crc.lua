-- Checksums that go byte by byte through a table: CRC-32 of PNG, CRC-32C of TFRecord. They differ
-- in their polynomial alone.

-- The checksum of a text, for a polynomial whose bits are reversed.
return function(polynomial)
  local step = {}
  for i = 0, 255 do
    local crc = i
    for _ = 1, 8 do crc = crc & 1 == 1 and (crc >> 1) ~ polynomial or crc >> 1 end
    step[i] = crc
  end
  return function(bytes)
    local crc = 0xFFFFFFFF
    for first = 1, #bytes, 4096 do   -- as many values as a call may give
      for _, byte in ipairs { bytes:byte(first, math.min(first + 4095, #bytes)) } do
        crc = (crc >> 8) ~ step[(crc ~ byte) & 255]
      end
    end
    return crc ~ 0xFFFFFFFF
  end
end

function successor(n) return n + 1 end
function echo(text) return text end
function fib(n) if n < 2 then return n else return fib(n - 1) + fib(n - 2) end end

function n_body(numbers, steps)
  local bodies = {}
  for i = 1, #numbers, 7 do
    bodies[#bodies + 1] = { x = numbers[i], y = numbers[i + 1], z = numbers[i + 2],
      vx = numbers[i + 3], vy = numbers[i + 4], vz = numbers[i + 5], mass = numbers[i + 6] }
  end
  local dt, count = 0.01, #bodies
  for _ = 1, steps do
    for i = 1, count do
      local a = bodies[i]
      for j = i + 1, count do
        local b = bodies[j]
        local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
        local d2 = dx * dx + dy * dy + dz * dz
        local mag = dt / (d2 * math.sqrt(d2))
        a.vx = a.vx - dx * b.mass * mag
        a.vy = a.vy - dy * b.mass * mag
        a.vz = a.vz - dz * b.mass * mag
        b.vx = b.vx + dx * a.mass * mag
        b.vy = b.vy + dy * a.mass * mag
        b.vz = b.vz + dz * a.mass * mag
      end
    end
    for i = 1, count do
      local b = bodies[i]
      b.x = b.x + dt * b.vx
      b.y = b.y + dt * b.vy
      b.z = b.z + dt * b.vz
    end
  end
  return bodies[1].x
end

local function a(i, j) return 1 / ((i + j) * (i + j + 1) / 2 + i + 1) end

local function multiply(n, from, into, transposed)
  for i = 0, n - 1 do
    local sum = 0
    for j = 0, n - 1 do
      sum = sum + (if transposed then a(j, i) else a(i, j)) * from[j + 1]
    end
    into[i + 1] = sum
  end
end

local function dot(a, b)
  local sum = 0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end

function spectral_norm(n)
  local u, v, t = table.create(n, 1), table.create(n, 0), table.create(n, 0)
  for _ = 1, 10 do
    multiply(n, u, t, false)
    multiply(n, t, v, true)
    multiply(n, v, t, false)
    multiply(n, t, u, true)
  end
  return math.sqrt(dot(u, v) / dot(v, v))
end

function text(n)
  local parts = {}
  for i = 1, n do parts[i] = tostring(i) end
  return #table.concat(parts)
end
